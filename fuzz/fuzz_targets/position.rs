//! Any text as a position: one that was given out, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use read_store::Position;

fuzz_target!(|text: &str| {
    if let Ok(position) = Position::parse(text) {
        assert_eq!(position.to_text(), text);
    }
});
