//! Verification finds what was planted, table by table.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use model::Value;
use model::rows::Amount;
use serde_json::json;
use support::World;
use support::store::Tables;

async fn world() -> World {
    let world = World::new();
    for id in ["a", "b", "c"] {
        let opened = ("AccountOpened", json!({ "owner": "ann" }));
        let tagged = ("AccountTagged", json!({ "tags": ["x", "y"] }));
        let paid = ("MoneyDeposited", json!({ "amount": 10 }));
        let spent = ("MoneyWithdrawn", json!({ "amount": 3, "fee": 0.5 }));
        world.log.command(&world.model, id, &[opened, paid, tagged], Some("key"));
        world.command(id, &[spent]);
    }
    world.fill().await.unwrap();
    world
}

async fn planted(change: impl FnOnce(&mut Tables)) -> Vec<String> {
    let world = world().await;
    let report = world.verify().await;
    assert!(report.agrees(), "{:#?}", report.differences);
    change(&mut world.store.tables());
    let report = world.verify().await;
    assert_eq!(report.different, report.differences.len() as u64);
    report.differences.into_iter().map(|difference| difference.table).collect()
}

#[tokio::test]
async fn a_state_that_is_missing_is_found() {
    let found = planted(|tables| drop(tables.states.pop_first())).await;
    assert_eq!(found, ["state of account"]);
}

#[tokio::test]
async fn a_state_with_another_version_is_found() {
    let found = planted(|tables| {
        tables.states.values_mut().next().unwrap().version -= 1;
    });
    assert_eq!(found.await, ["state of account"]);
}

#[tokio::test]
async fn an_event_that_is_missing_in_the_history_is_found() {
    let found = planted(|tables| drop(tables.history.pop_first())).await;
    assert_eq!(found, ["history of account"]);
}

#[tokio::test]
async fn a_used_key_that_is_missing_is_found() {
    let found = planted(|tables| drop(tables.commands.pop_first())).await;
    assert_eq!(found, ["commands of account"]);
}

#[tokio::test]
async fn a_row_that_is_missing_or_too_many_or_other_is_found() {
    for (view, columns) in [("accounts-by-owner", 1), ("accounts-by-tag", 1), ("movements", 2)] {
        let found = planted(|tables| {
            let rows = tables.rows.iter_mut().find(|((_, name), _)| &**name == view).unwrap().1;
            let (key, mut row) = rows.pop_first().unwrap();
            row[columns] = match &row[columns] {
                Value::Int(n) => Value::Int(n + 1),
                _ => Value::Text("other".into()),
            };
            rows.insert(key, row);
        })
        .await;
        assert!(!found.is_empty() && found.iter().all(|table| *table == format!("view {view}")));
        let found = planted(|tables| {
            let rows = tables.rows.iter_mut().find(|((_, name), _)| &**name == view).unwrap().1;
            rows.pop_first();
        });
        assert_eq!(found.await, [format!("view {view}")]);
    }
}

#[tokio::test]
async fn a_sum_that_is_off_is_found() {
    let found = planted(|tables| {
        let of_fees = |((_, view), _): &(&(_, std::sync::Arc<str>), _)| &**view == "fees-by-day";
        let cells = tables.cells.iter_mut().find(|(key, _)| of_fees(&(key, ()))).unwrap().1;
        let sums = &mut cells.values_mut().next().unwrap().1;
        sums[2] = Amount::Double(1.5 + 1e-6);
    });
    assert_eq!(found.await, ["rollup fees-by-day"]);
}

#[tokio::test]
async fn a_sum_of_doubles_may_differ_in_the_last_digits() {
    let found = planted(|tables| {
        for cells in tables.cells.values_mut() {
            for (_, sums, _) in cells.values_mut() {
                for sum in sums {
                    if let Amount::Double(double) = sum {
                        *double *= 1.0 + 1e-12;
                    }
                }
            }
        }
    });
    assert_eq!(found.await, Vec::<String>::new());
}
