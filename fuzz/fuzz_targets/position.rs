//! Any text as a position, and any bytes between the version and a checksum that fits them: one that
//! was given out, or an error.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use read_store::Position;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(text);
    }
    // What a guess never gets right stands around the bytes, so that they are read as entries.
    let mut whole = vec![1];
    whole.extend_from_slice(bytes);
    let checksum = fnv1a(&whole);
    whole.extend_from_slice(&checksum.to_be_bytes());
    check(&URL_SAFE_NO_PAD.encode(whole));
});

fn check(text: &str) {
    if let Ok(position) = Position::parse(text) {
        assert_eq!(position.to_text(), text);
    }
}

fn fnv1a(bytes: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, step)
}
