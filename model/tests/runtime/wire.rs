use foldline_model::Value;
use foldline_model::event::ReadEventError;
use serde_json::json;

use crate::support::{counter, model};

#[test]
fn an_event_is_a_zero_byte_its_schema_id_and_its_datum() {
    let aggregate = counter();
    let (index, kind) = aggregate.event("Added").unwrap();
    let data = kind.shape.from_json(&json!({ "n": 1, "seen": -1 })).unwrap();
    let wire = aggregate.write_event(index, &data);
    assert_eq!(wire[0], 0);
    assert_eq!(wire[1..5], kind.current().schema_id.to_be_bytes());
    assert_eq!(wire[5..], [2, 1]);
    assert_eq!(aggregate.read_event("Added", &wire), Ok((index, data)));
}

#[test]
fn unknown_types_and_schemas_are_told_from_broken_bytes() {
    let aggregate = counter();
    let unknown = aggregate.read_event("Vanished", &[0, 0, 0, 0, 1]);
    assert!(matches!(unknown, Err(ReadEventError::UnknownType(_))));
    let newer = aggregate.read_event("Added", &[0, 0, 0, 0, 1]);
    assert!(matches!(newer, Err(ReadEventError::UnknownSchema { id: 1, .. })));
    for broken in [&[][..], &[0, 1], &[7, 0, 0, 0, 1]] {
        let read = aggregate.read_event("Added", broken);
        assert!(matches!(read, Err(ReadEventError::Failed { .. })), "{broken:?}");
    }
    let id = aggregate.event("Added").unwrap().1.current().schema_id.to_be_bytes();
    let short = [0, id[0], id[1], id[2], id[3], 2];
    assert!(matches!(aggregate.read_event("Added", &short), Err(ReadEventError::Failed { .. })));
}

#[test]
fn steps_of_upcasts_and_resolution_chain_to_the_current_version() {
    let yaml = r#"
commands:
  set: { on: any, input: Set, emit: [{ event: Was }] }
events:
  Was:
    fold: { total: event.total }
    upcast: { 2: { total: "event.amount * 100" } }
"#;
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let note = json!({ "name": "note", "type": ["null", "string"], "default": null });
    let kind = json!({ "name": "kind", "type": "string", "default": "plain" });
    let aggregate = model(
        yaml,
        &[
            ("commands/Set", json!([field("total", "long"), field("size", "double")])),
            ("events/Was/1", json!([field("amount", "int"), field("size", "int")])),
            ("events/Was/2", json!([field("amount", "int"), field("size", "int"), note])),
            ("events/Was/3", json!([field("total", "long"), field("size", "double"), note])),
            ("events/Was/4", json!([field("total", "long"), field("size", "double"), note, kind])),
            ("state", json!([field("total", "long")])),
        ],
    );
    let (index, event) = aggregate.event("Was").unwrap();
    for version in &event.versions {
        let written = match version.number {
            1 | 2 => json!({ "amount": 7, "size": 3 }),
            _ => json!({ "total": 700, "size": 3.0 }),
        };
        let mut wire = vec![0];
        wire.extend(version.schema_id.to_be_bytes());
        version.shape.encode(&version.shape.from_json(&written).unwrap(), &mut wire);
        let current = event.shape.from_json(&json!({ "total": 700, "size": 3.0 })).unwrap();
        assert_eq!(aggregate.read_event("Was", &wire), Ok((index, current)), "{}", version.number);
    }
    let Value::Record(fields) = aggregate.blank.clone() else { panic!("a record") };
    assert_eq!(*fields, [Value::Null]);
}
