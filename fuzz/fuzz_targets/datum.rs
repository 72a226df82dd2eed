//! Any bytes as an Avro datum: a value or an error, and what is decoded is encoded again. And any
//! bytes as an event in each of its versions, behind the head that names it: read or refused.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::Model;

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
    Model::load(folder.as_ref()).expect("the example domains load")
});

fuzz_target!(|bytes: &[u8]| {
    for aggregate in &MODEL.aggregates {
        let shape = &aggregate.state_shape;
        if let Ok(value) = shape.decode(bytes) {
            let mut again = Vec::new();
            shape.encode(&value, &mut again);
            assert_eq!(shape.decode(&again).ok(), Some(value));
        }
        for event in &aggregate.events {
            for version in &event.versions {
                let mut wire = vec![0];
                wire.extend_from_slice(&version.schema_id.to_be_bytes());
                wire.extend_from_slice(bytes);
                let Ok((index, data)) = aggregate.read_event(&event.name, &wire) else { continue };
                let again = aggregate.write_event(index, &data);
                let again = aggregate.read_event(&event.name, &again);
                assert_eq!(again.ok(), Some((index, data)));
            }
        }
    }
});
