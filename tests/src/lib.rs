//! What system tests stand on: real processes, alone on a folder or together on a broker and a database,
//! and what tests ask of them.

mod api;
mod detour;
mod engine;
mod load;
mod loaded;
mod parts;
mod ports;
mod process;
#[cfg(feature = "simulation")]
pub mod simulate;
mod system;
mod world;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub use api::{Answer, Api, eventually, read};
pub use detour::Detour;
pub use engine::{Engine, Served};
pub use load::{Load, Seen};
pub use loaded::Loaded;
pub use parts::{Own, Parts};
pub use system::{Service, System};
pub use world::World;

/// The body of an order that costs this much.
pub fn order(price: u64) -> Value {
    serde_json::json!({"customer": "c-1", "lines": [{"sku": "tea", "qty": 1, "price": price}]})
}

/// A folder of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A program of this workspace, beside the test programs.
pub fn binary(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().expect("a test program knows its own path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let binary = path.join(name);
    assert!(binary.exists(), "{} is missing: cargo build --workspace", binary.display());
    binary
}
