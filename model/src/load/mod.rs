//! Loading a folder: YAML and Avro files become a [`Model`], or every error at once.
//!
//! `folder` reads files, `yaml` makes spanned trees, `document` and `definition` read what a
//! model.yaml says, `schemas` the Avro side; `commands`, `events` and `views` check and compile.

mod commands;
mod compiler;
mod definition;
mod document;
mod each;
mod events;
mod first;
mod folder;
mod hash;
pub(crate) mod names;
pub(crate) mod report;
mod schemas;
pub(crate) mod source;
pub(crate) mod suggest;
mod versions;
mod views;
pub(crate) mod yaml;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use compiler::{Checker, scope};
use definition::Definition;
use document::{Reader, Text};
use folder::AggregateFolder;
use names::{MAX_NAME, RESERVED_PATHS, is_kebab, kebab};
use report::Report;
use source::Source;
use yaml::Node;

use crate::diagnostic::{Diagnostics, Place};
use crate::domain::{Aggregate, IdKind, Model, Placed, View};
use crate::expr::{Type, Want};
use crate::schema::{Shape, Types};

impl Model {
    /// Loads and checks a schemas folder. The only I/O of this crate.
    pub fn load(folder: &Path) -> Result<Model, Diagnostics> {
        let mut report = Report::default();
        let files = folder::read(folder, &mut report);
        let shared = schemas::shared(&files.types, &mut report);
        let documents: Vec<(&AggregateFolder, &Source, Node)> = files
            .aggregates
            .iter()
            .filter_map(|folder| {
                let source = folder.model.as_ref()?;
                Some((folder, source, yaml::parse(source, &mut report)?))
            })
            .collect();
        let mut taken = Taken::default();
        let mut aggregates = Vec::new();
        for (folder, source, root) in &documents {
            let definition = Reader { source, report: &mut report }.definition(root);
            taken.check(&definition, source, &mut report);
            let checked = aggregate(folder, source, &definition, &shared, &mut report);
            aggregates.extend(checked.map(Arc::new));
        }
        schemas_of_broken(&files, &documents, &shared, &mut report);
        report.finish()?;
        aggregates.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Model { aggregates })
    }
}

/// The schemas of folders whose model.yaml can't be read are checked all the same.
fn schemas_of_broken(
    files: &folder::Folder,
    documents: &[(&AggregateFolder, &Source, Node)],
    shared: &Types,
    report: &mut Report,
) {
    let read = |folder: &AggregateFolder| documents.iter().any(|(f, ..)| f.name == folder.name);
    for folder in files.aggregates.iter().filter(|folder| !read(folder)) {
        schemas::parse(folder, &folder.name, shared, report);
    }
}

/// Checks one aggregate; `None` where something in it is wrong.
fn aggregate(
    folder: &AggregateFolder,
    source: &Source,
    def: &Definition<'_>,
    shared: &Types,
    report: &mut Report,
) -> Option<Aggregate> {
    let errors = report.len();
    let name: Arc<str> = def.aggregate.map_or(folder.name.as_str(), |name| name.text).into();
    let schemas = schemas::parse(folder, &name, shared, report);
    let mut checker =
        Checker { source, schemas: &schemas, report, aggregate: name.clone(), id: IdKind::Uuid };
    checker.id = checker.id_kind(def.id);
    let read = def.read.and_then(|read| checker.read(read));
    let commands: Vec<_> = def.commands.iter().map(|command| checker.command(command)).collect();
    let events = checker.events(&def.events);
    let state = checker.state()?;
    let views: Vec<_> = def.views.iter().map(|view| checker.view(view, &events)).collect();
    let blank = checker.blank(&state, &def.commands, &def.events, &events);
    let fold_hash = hash::fold(&name, checker.id, &schemas, &def.events);
    let id = checker.id;
    (report.len() == errors).then_some(())?;
    Some(Aggregate {
        name,
        plural: def.plural?.text.into(),
        id,
        state_shape: Shape::Record(state.clone()),
        state,
        blank,
        commands: commands.into_iter().collect::<Option<_>>()?,
        events: events.into_iter().collect::<Option<_>>()?,
        views: views.into_iter().map(|view| view.map(Arc::<View>::new)).collect::<Option<_>>()?,
        read,
        fold_hash,
    })
}

impl Checker<'_, '_> {
    fn id_kind(&mut self, id: Option<Text<'_>>) -> IdKind {
        match id.map(|id| (id.text, id.node)) {
            None | Some(("uuid", _)) => IdKind::Uuid,
            Some(("text", _)) => IdKind::Text,
            Some((other, node)) => {
                let hint = "write `uuid` (the default) or `text`".to_owned();
                self.hinted(node, format!("`id` can't be `{other}`"), hint);
                IdKind::Text
            }
        }
    }

    fn read(&mut self, read: Text<'_>) -> Option<Placed> {
        let state = self.state()?;
        let scope =
            scope([("state", Type::Record(state)), ("id", self.id_type()), ("actor", Type::Actor)]);
        self.compile(read, &scope, &Want::Bool, &[])
    }
}

/// Names that must differ over the whole folder, and where each was first.
#[derive(Default)]
struct Taken {
    names: HashMap<(&'static str, String), Place>,
}

impl Taken {
    fn check(&mut self, def: &Definition<'_>, source: &Source, report: &mut Report) {
        for (what, name) in [("aggregate", def.aggregate), ("plural", def.plural)] {
            let Some(name) = name else { continue };
            if what == "plural" && RESERVED_PATHS.contains(&name.text) {
                let message = format!("`plural` can't be `{}`: that path is reserved", name.text);
                let hint = format!("reserved are {}", suggest::listed(&RESERVED_PATHS));
                report.hinted(name.node.place(source), message, hint);
            } else if !is_kebab(name.text) || name.text.len() > MAX_NAME {
                let message =
                    format!("`{}` is no {what} name: kebab-case, 1 to {MAX_NAME}", name.text);
                let hint = kebab(name.text).map(|right| format!("did you mean `{right}`?"));
                report.push(name.node.place(source), message, hint);
            }
            self.claim(what, name, source, report);
        }
        for view in &def.views {
            self.claim("view", view.name, source, report);
        }
    }

    fn claim(&mut self, what: &'static str, name: Text<'_>, source: &Source, report: &mut Report) {
        let place = name.node.place(source);
        let key = (what, name.text.to_owned());
        match self.names.get(&key) {
            Some(first) => {
                let message = format!("{what} `{}` is there twice", name.text);
                let hint = format!("it is in {}:{} already", first.file.display(), first.line);
                report.hinted(place, message, hint);
            }
            None => {
                self.names.insert(key, place);
            }
        }
    }
}
