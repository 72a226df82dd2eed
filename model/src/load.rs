//! Loading a folder: YAML and Avro files become a [`Model`], or every error at once.

use std::path::Path;

use crate::diagnostic::Diagnostics;
use crate::domain::Model;

impl Model {
    /// Loads and checks a schemas folder. The only I/O of this crate.
    pub fn load(_folder: &Path) -> Result<Model, Diagnostics> {
        todo!("load")
    }
}
