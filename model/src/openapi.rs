//! The contract of a loaded folder as an OpenAPI 3.1 document, and the JSON Schemas of model.yaml
//! and of the test files for editors.

use crate::domain::Model;

/// Which calls the document describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surface {
    /// Commands.
    pub commands: bool,
    /// States, history, views.
    pub queries: bool,
    /// `GET /events` of the embedded default.
    pub events: bool,
}

/// The OpenAPI 3.1 document: real types, examples, every code of every rule.
pub fn document(_model: &Model, _surface: Surface) -> serde_json::Value {
    todo!("openapi")
}
