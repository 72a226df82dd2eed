//! What lies in a schemas folder: every file that belongs to the model is read here, every name
//! that does not is refused. The only I/O of this crate.

use std::fs;
use std::path::{Path, PathBuf};

use super::report::Report;
use super::source::Source;
use super::suggest::did_you_mean;
use crate::diagnostic::Place;

/// More than this in one file is a mistake.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// A schemas folder, read.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// The shared named types.
    pub(super) types: Vec<Source>,
    /// In order of folder name.
    pub(super) aggregates: Vec<AggregateFolder>,
}

/// One aggregate's folder, read.
#[derive(Debug)]
pub(super) struct AggregateFolder {
    /// Its name relative to the schemas folder.
    pub(super) name: String,
    pub(super) model: Option<Source>,
    pub(super) state: Option<Source>,
    pub(super) types: Vec<Source>,
    /// Name without extension, and file.
    pub(super) commands: Vec<(String, Source)>,
    pub(super) events: Vec<EventFolder>,
}

/// One event's folder, read.
#[derive(Debug)]
pub(super) struct EventFolder {
    pub(super) name: String,
    /// Number and file, ascending.
    pub(super) versions: Vec<(u32, Source)>,
}

/// A name in a folder.
struct Entry {
    name: String,
    path: PathBuf,
    is_folder: bool,
}

/// Reads a schemas folder.
pub(super) fn read(root: &Path, report: &mut Report) -> Folder {
    let mut walker = Walker { root, report };
    if !root.is_dir() {
        let place = Place { file: root.to_owned(), line: 1, column: 1 };
        let hint = "name a folder that holds one folder per aggregate, each with a model.yaml";
        walker.report.hinted(place, "there is no such folder", hint);
        return Folder::default();
    }
    let mut folder = Folder::default();
    let mut misnamed = None;
    for entry in walker.entries(root).into_iter().filter(|entry| entry.is_folder) {
        if entry.path.join("model.yaml").is_file() {
            folder.aggregates.push(walker.aggregate(&entry));
        } else if entry.name == "types" {
            folder.types = walker.avsc(&entry.path, "types").into_iter().map(|(_, s)| s).collect();
        } else if entry.path.join("model.yml").is_file() {
            misnamed = Some(format!("rename {0}/model.yml to {0}/model.yaml", entry.name));
        }
    }
    if folder.aggregates.is_empty() {
        let place = Place { file: root.to_owned(), line: 1, column: 1 };
        let hint = "an aggregate is a folder here with a model.yaml, such as orders/model.yaml";
        let hint = misnamed.unwrap_or_else(|| hint.to_owned());
        walker.report.hinted(place, "no aggregate in this folder", hint);
    }
    folder
}

struct Walker<'a, 'r> {
    root: &'a Path,
    report: &'r mut Report,
}

impl Walker<'_, '_> {
    fn aggregate(&mut self, folder: &Entry) -> AggregateFolder {
        const KNOWN: [&str; 6] =
            ["model.yaml", "state.avsc", "types", "commands", "events", "tests"];
        let mut read = AggregateFolder {
            name: folder.name.clone(),
            model: None,
            state: None,
            types: Vec::new(),
            commands: Vec::new(),
            events: Vec::new(),
        };
        for entry in self.entries(&folder.path) {
            match (entry.name.as_str(), entry.is_folder) {
                ("model.yaml", false) => read.model = self.source(&entry.path),
                ("state.avsc", false) => read.state = self.source(&entry.path),
                ("types", true) => {
                    read.types =
                        self.avsc(&entry.path, "types").into_iter().map(|(_, s)| s).collect();
                }
                ("commands", true) => read.commands = self.avsc(&entry.path, "commands"),
                ("events", true) => read.events = self.events(&entry.path),
                ("tests", true) => self.tests(&entry.path),
                (name, _) => {
                    let hint = did_you_mean(name, KNOWN);
                    self.refuse(&entry.path, "has no place in an aggregate's folder", hint);
                }
            }
        }
        if read.state.is_none() && !folder.path.join("state.avsc").is_file() {
            let place = self.place(&folder.path.join("state.avsc"));
            let hint = "add state.avsc, a record with the fields of the aggregate's state";
            self.report.hinted(place, "an aggregate needs a state", hint);
        }
        read
    }

    fn events(&mut self, folder: &Path) -> Vec<EventFolder> {
        let mut events = Vec::new();
        for entry in self.entries(folder) {
            if entry.is_folder {
                let versions = self.versions(&entry);
                events.push(EventFolder { name: entry.name, versions });
            } else {
                let name = entry.name.strip_suffix(".avsc").unwrap_or(&entry.name);
                let hint =
                    format!("an event is a folder with a file per version: events/{name}/1.avsc");
                self.refuse(&entry.path, "has no place in `events`", Some(hint));
            }
        }
        events
    }

    fn versions(&mut self, folder: &Entry) -> Vec<(u32, Source)> {
        let mut versions: Vec<(u32, Source)> = Vec::new();
        let mut numbers = Vec::new();
        for entry in self.entries(&folder.path) {
            match entry.name.strip_suffix(".avsc").and_then(version_number) {
                Some(number) if !entry.is_folder => {
                    numbers.push(number);
                    versions.extend(self.source(&entry.path).map(|source| (number, source)));
                }
                _ => {
                    let hint = "files here are released versions: 1.avsc, 2.avsc, …".to_owned();
                    self.refuse(&entry.path, "has no place in an event's folder", Some(hint));
                }
            }
        }
        numbers.sort_unstable();
        let missing = (1..).zip(&numbers).find(|(wanted, number)| wanted != *number);
        if let Some((number, _)) = missing.or(numbers.is_empty().then_some((1, &1))) {
            let place = self.place(&folder.path.join(format!("{number}.avsc")));
            let message = format!("version {number} of event `{}` is missing", folder.name);
            let hint = "versions count from 1 without gaps, and a released one stays";
            self.report.hinted(place, message, hint);
        }
        versions.sort_by_key(|(number, _)| *number);
        versions
    }

    fn tests(&mut self, folder: &Path) {
        for entry in self.entries(folder) {
            if entry.is_folder || !entry.name.ends_with(".yaml") {
                let hint = "tests are files named *.yaml".to_owned();
                self.refuse(&entry.path, "has no place in `tests`", Some(hint));
            }
        }
    }

    /// The schema files of a folder that holds nothing else.
    fn avsc(&mut self, folder: &Path, what: &str) -> Vec<(String, Source)> {
        let mut found = Vec::new();
        for entry in self.entries(folder) {
            match entry.name.strip_suffix(".avsc").filter(|_| !entry.is_folder) {
                Some(name) => {
                    let source = self.source(&entry.path);
                    found.extend(source.map(|source| (name.to_owned(), source)));
                }
                None => {
                    let hint = "files here are schemas, named *.avsc".to_owned();
                    self.refuse(&entry.path, &format!("has no place in `{what}`"), Some(hint));
                }
            }
        }
        found
    }

    /// What a folder holds, in order of name; README.md and dot files are left out.
    fn entries(&mut self, folder: &Path) -> Vec<Entry> {
        let listed = match fs::read_dir(folder) {
            Ok(listed) => listed,
            Err(error) => {
                let place = self.place(folder);
                self.report.error(place, format!("can't be read: {error}"));
                return Vec::new();
            }
        };
        let mut entries: Vec<Entry> = listed
            .filter_map(Result::ok)
            .map(|entry| {
                let path = entry.path();
                let name = entry.file_name().to_string_lossy().into_owned();
                Entry { name, is_folder: path.is_dir(), path }
            })
            .filter(|entry| !entry.name.starts_with('.') && entry.name != "README.md")
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    fn source(&mut self, path: &Path) -> Option<Source> {
        let problem = match fs::metadata(path).map(|meta| meta.len()) {
            Ok(bytes) if bytes > MAX_FILE_BYTES => "is larger than 4 MiB".to_owned(),
            Ok(_) => match fs::read(path).map(String::from_utf8) {
                Ok(Ok(text)) => return Some(Source::new(self.relative(path), &text)),
                Ok(Err(_)) => "is not UTF-8 text".to_owned(),
                Err(error) => format!("can't be read: {error}"),
            },
            Err(error) => format!("can't be read: {error}"),
        };
        let place = self.place(path);
        self.report.error(place, problem);
        None
    }

    fn refuse(&mut self, path: &Path, why: &str, hint: Option<String>) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let place = self.place(path);
        self.report.push(place, format!("`{name}` {why}"), hint);
    }

    fn relative<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(self.root).unwrap_or(path)
    }

    fn place(&self, path: &Path) -> Place {
        Place { file: self.relative(path).to_owned(), line: 1, column: 1 }
    }
}

/// `1`, `2`, … without leading zeros or signs.
fn version_number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}
