//! Any bytes as a command's body: an input or its misfits, and what is read is written again.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::{Model, Shape};

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
    let model = Model::load(folder.as_ref()).expect("the example domains load");
    let commands = model.aggregates.iter().flat_map(|a| a.commands.iter());
    commands.map(|command| command.input_shape.clone()).collect()
});

fuzz_target!(|body: &[u8]| {
    for shape in SHAPES.iter() {
        if let Ok(value) = shape.parse_json(body) {
            let mut text = Vec::new();
            shape.write_json(&value, &mut text);
            assert_eq!(shape.parse_json(&text).ok(), Some(value));
        }
    }
});
