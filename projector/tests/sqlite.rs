//! The same on the real log and the real store.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;
use std::sync::Arc;

use event_log::log::NewCommand;
use event_log::sqlite::SqliteLog;
use event_log::{Appender, KeyedCommand, Log};
use foldline_projector::generation::prepare;
use foldline_projector::{Config, Projector, verify};
use model::Model;
use read_store::Reader;
use read_store::sqlite::SqliteStore;
use serde_json::json;
use support::log::{NewEvent, wire};
use support::{model, model_with};

fn command(model: &Model, id: &str, first_version: u64, events: &[NewEvent]) -> NewCommand {
    NewCommand {
        aggregate: "account".into(),
        id: id.into(),
        time: 1_780_000_000_000,
        first_version,
        events: events
            .iter()
            .map(|(name, data)| ((*name).into(), wire(model, name, data)))
            .collect(),
        command: (first_version == 1).then(|| KeyedCommand {
            key: "first".into(),
            caller: "ann".into(),
            hash: [9; 32],
        }),
        traceparent: None,
    }
}

/// Opens, pays into, tags and draws from fifty accounts; the last offset.
async fn write(model: &Model, appender: &mut Box<dyn Appender>) -> i64 {
    let mut commands = Vec::new();
    for n in 0..50 {
        let id = format!("a{n}");
        let opened = ("AccountOpened", json!({ "owner": format!("o{}", n % 7) }));
        let paid = ("MoneyDeposited", json!({ "amount": 10 + n }));
        let tagged = ("AccountTagged", json!({ "tags": ["x", format!("t{}", n % 3)] }));
        let drawn = ("MoneyWithdrawn", json!({ "amount": n, "fee": 0.25 }));
        commands.push(command(model, &id, 1, &[opened, paid]));
        commands.push(command(model, &id, 3, &[tagged, drawn]));
        if n % 10 == 0 {
            commands.push(command(model, &id, 5, &[("AccountClosed", json!({}))]));
        }
    }
    let appended = appender.append(commands).await.unwrap();
    appended.last.last().unwrap().0
}

async fn check(model: &Arc<Model>, log: &Arc<dyn Log>, folder: &Path, rows: u64) {
    let reader: Arc<dyn Reader> = SqliteStore::open_read_only(folder).unwrap();
    let report = verify(model, log, &reader).await.unwrap();
    assert!(report.agrees(), "{:#?}", report.differences);
    assert_eq!((report.events, report.aggregates, report.unsettled), (205, 50, 0));
    assert!(report.rows >= rows, "{}", report.rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_appended_is_projected_and_a_changed_view_is_filled_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = model();
    let log: Arc<dyn Log> = Arc::new(SqliteLog::open(folder.path()).unwrap());
    let partition = log.partitions().remove(0);
    let mut appender = log.claim(&partition, "").await.unwrap();

    let (reader, mut writer) = SqliteStore::open(folder.path()).unwrap();
    let reader: Arc<dyn Reader> = reader;
    prepare(&model, &log, &mut writer, &reader, &mut |_, _| {}).await.unwrap();
    let projector = Projector::new(
        model.clone(),
        log.clone(),
        reader.clone(),
        Box::new(writer),
        Config { batch_events: 37, ..Config::default() },
    );
    let status = projector.status_handle();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(projector.run(stopped));
    let last = write(&model, &mut appender).await;
    while status.get().partitions.first().is_none_or(|partition| partition.mark < last) {
        assert_eq!(status.get().stopped(), None);
        reader.marks_moved().await;
    }
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    check(&model, &log, folder.path(), 200).await;
    drop(reader);

    model =
        model_with(&[("sort: [-balance]", "sort: [balance]"), ("uses: count()", "used: count()")]);
    let (reader, mut writer) = SqliteStore::open(folder.path()).unwrap();
    let reader: Arc<dyn Reader> = reader;
    let mut told = Vec::new();
    let mut tell = |done, total| told.push((done, total));
    let catalog = prepare(&model, &log, &mut writer, &reader, &mut tell).await.unwrap();
    assert_eq!(catalog.runs.len(), 1);
    assert!(told.last().is_some_and(|(done, total)| done == total), "{told:?}");
    check(&model, &log, folder.path(), 200).await;
}
