//! Any bytes as an Avro datum: a value or an error, and what is decoded is encoded again.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::{Model, Shape};

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
    let model = Model::load(folder.as_ref()).expect("the example domains load");
    model.aggregates.iter().map(|aggregate| aggregate.state_shape.clone()).collect()
});

fuzz_target!(|bytes: &[u8]| {
    for shape in SHAPES.iter() {
        if let Ok(value) = shape.decode(bytes) {
            let mut again = Vec::new();
            shape.encode(&value, &mut again);
            assert_eq!(shape.decode(&again).ok(), Some(value));
        }
    }
});
