//! Any text as a cursor, and any bytes behind the hash that a question's own cursors begin with:
//! values that make the same cursor again, or an error.
#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use model::Model;
use query_api::cursor::{Question, read, read_version, write, write_version};

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
    Model::load(folder.as_ref()).expect("the example domains load")
});

fuzz_target!(|bytes: &[u8]| {
    for (aggregate, view) in MODEL.views() {
        let asked = String::new();
        let question = Question { view: &view.hash, fold: &aggregate.fold_hash, asked };
        let (columns, order) = (view.columns(), view.clustering());
        if let Ok(text) = std::str::from_utf8(bytes) {
            let _ = read(&question, columns, order, text);
        }
        // Without columns a cursor is its hash alone.
        let head = write(&question, columns, &[], &[]);
        let mut whole = URL_SAFE_NO_PAD.decode(head).expect("cursors are base64");
        whole.extend_from_slice(bytes);
        let Ok(values) = read(&question, columns, order, &URL_SAFE_NO_PAD.encode(whole)) else {
            continue;
        };
        let mut row = vec![model::Value::Null; columns.len()];
        for ((index, _), value) in order.iter().zip(values.clone()) {
            row[*index] = value;
        }
        let again = write(&question, columns, order, &row);
        let again = read(&question, columns, order, &again);
        assert_eq!(again.ok(), Some(values));
    }
    histories(bytes);
});

fn histories(bytes: &[u8]) {
    for aggregate in &MODEL.aggregates {
        if let Ok(text) = std::str::from_utf8(bytes) {
            let _ = read_version(&aggregate.name, "id", text);
        }
        let head = write_version(&aggregate.name, "id", 0);
        let mut whole = URL_SAFE_NO_PAD.decode(head).expect("cursors are base64");
        whole.truncate(size_of::<u64>());
        whole.extend_from_slice(bytes);
        let text = URL_SAFE_NO_PAD.encode(whole);
        if let Ok(version) = read_version(&aggregate.name, "id", &text) {
            assert_eq!(write_version(&aggregate.name, "id", version), text);
        }
    }
}
