//! A `place` of two lines, as the owner decides it, and the rows of the order that it makes.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use foldline_model::Model;
use foldline_model::decide::{Actor, Call, Snapshot};
use foldline_model::expr::Env;
use serde_json::json;

struct NoIds;

impl Env for NoIds {
    fn new_id(&mut self) -> Arc<str> {
        Arc::from("")
    }
}

fn decide(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let model = Model::load(&folder).expect("the example domains load");
    let orders = model.aggregate("order").expect("the example has orders");
    let place = orders.command("place").expect("orders are placed");
    let lines =
        json!([{ "sku": "a", "qty": 2, "price": 450 }, { "sku": "b", "qty": 1, "price": 9 }]);
    let input = json!({ "customer": "c-1", "lines": lines });
    let input = place.input_shape.from_json(&input).expect("the input fits");
    let id = Arc::from("0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b");
    let claims = Arc::new(json!({}));
    let (roles, scopes) = (Vec::new(), Vec::new());
    let actor = Actor { sub: "anonymous".into(), roles, scopes, claims, checked: false };
    let unseen = Snapshot { version: 0, state: None };
    let decide = || {
        let (id, input, actor, env) = (&id, &input, &actor, &mut NoIds);
        let now = 1_767_225_600_000;
        let mut call = Call { id, input, actor, expected: None, now, env };
        orders.decide(place, &unseen, &mut call).expect("the order is placed")
    };

    criterion.bench_function("decide: place with two lines", |b| b.iter(|| black_box(decide())));
    let placed = decide().after;
    criterion.bench_function("rows: an order in its views of states", |b| {
        b.iter(|| {
            for view in &orders.views {
                black_box(orders.rows(view, &id, 1, placed.state.as_ref()).expect("rows"));
                black_box(orders.contributions(view, &id, 1, placed.state.as_ref()).expect("sums"));
            }
        })
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = decide
}
criterion_main!(benches);
