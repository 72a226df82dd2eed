//! A folder in memory that starts as the accounts domain, to be changed and loaded.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use foldline_model::{Diagnostic, Diagnostics, Model};

/// Marks, in a replacement, the character that an error must point at.
pub const MARK: char = '§';

/// File names and texts.
#[derive(Clone)]
pub struct Folder(pub BTreeMap<String, String>);

impl Folder {
    /// `tests/domains/accounts`.
    pub fn accounts() -> Folder {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/domains");
        let mut files = BTreeMap::new();
        read(&root, &root, &mut files);
        Folder(files)
    }

    pub fn with(mut self, file: &str, text: &str) -> Folder {
        self.0.insert(file.to_owned(), text.to_owned());
        self
    }

    pub fn without(mut self, file: &str) -> Folder {
        self.0.remove(file).expect("the file is there");
        self
    }

    /// Replaces a part of a file that occurs once.
    pub fn replace(mut self, file: &str, from: &str, to: &str) -> Folder {
        let text = self.0.get_mut(file).expect("the file is there");
        assert_eq!(text.matches(from).count(), 1, "{from:?} occurs once in {file}");
        *text = text.replace(from, to);
        self
    }

    /// Takes the marks out; file, line and column of each.
    pub fn marks(&mut self) -> Vec<(String, u32, u32)> {
        let mut found = Vec::new();
        for (file, text) in &mut self.0 {
            for (line, content) in text.lines().enumerate() {
                let columns = content.chars().enumerate().filter(|(_, c)| *c == MARK);
                found.extend(columns.enumerate().map(|(nth, (column, _))| {
                    (file.clone(), line as u32 + 1, (column - nth) as u32 + 1)
                }));
            }
            *text = text.replace(MARK, "");
        }
        found
    }

    pub fn load(&self) -> Result<Model, Diagnostics> {
        let root = tempfile::tempdir().expect("a folder for the test");
        for (file, text) in &self.0 {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("files are below the root")).expect("made");
            fs::write(path, text).expect("written");
        }
        Model::load(root.path())
    }

    pub fn errors(&self) -> Vec<Diagnostic> {
        match self.load() {
            Ok(_) => Vec::new(),
            Err(Diagnostics(found)) => found,
        }
    }
}

fn read(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("below the root").display().to_string();
            files.insert(name, fs::read_to_string(path).expect("text"));
        }
    }
}
