//! Any text as model.yaml: a model or its errors, never a panic.
#![no_main]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::Model;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder for the fuzzer");
    copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/orders").as_ref(), &folder.path().join("orders"));
    folder
});

fuzz_target!(|text: &str| {
    let file = FOLDER.path().join("orders/model.yaml");
    fs::write(file, text).expect("the fuzzer's folder is writable");
    let _ = Model::load(FOLDER.path());
});

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the fuzzer's folder is writable");
    for entry in fs::read_dir(from).expect("the example domain is there").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the fuzzer's folder is writable");
        }
    }
}
