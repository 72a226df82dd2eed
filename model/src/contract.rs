//! What a store remembers of a model, so that a later model that could not read what is stored is
//! refused before anything is served.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{Aggregate, IdKind, Model};

/// The remembered part of an aggregate: how its ids look, and its events in all versions.
#[derive(Debug, Serialize, Deserialize)]
struct Contract {
    id: String,
    events: BTreeMap<String, BTreeMap<u32, Released>>,
}

/// One released version of an event.
#[derive(Debug, Serialize, Deserialize)]
struct Released {
    schema_id: u32,
    schema: String,
}

impl Aggregate {
    /// The contract as JSON, for a store to keep.
    pub fn contract(&self) -> String {
        // Texts and numbers under text keys always serialize.
        serde_json::to_string(&Contract::of(self)).unwrap_or_default()
    }
}

impl Model {
    /// Every aggregate's contract, by name.
    pub fn contracts(&self) -> Vec<(Arc<str>, String)> {
        self.aggregates.iter().map(|a| (a.name.clone(), a.contract())).collect()
    }

    /// Whether this model can live with what was stored under these contracts; `Err` says, one
    /// text per difference, what is incompatible and what to do.
    pub fn check_against(&self, remembered: &[(Arc<str>, String)]) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        for (name, contract) in remembered {
            match (self.aggregate(name), serde_json::from_str::<Contract>(contract)) {
                (_, Err(_)) => problems.push(format!(
                    "what is stored about aggregate `{name}` can't be read: \
                     it was written by another version of this program"
                )),
                (None, _) => problems.push(format!(
                    "aggregate `{name}` is gone, but what is stored knows it and may hold its events: \
                     restore its folder, or start with other data"
                )),
                (Some(aggregate), Ok(old)) => old.compare(aggregate, &mut problems),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

impl Contract {
    fn of(aggregate: &Aggregate) -> Contract {
        let events = aggregate.events.iter().map(|event| {
            let versions = event.versions.iter().map(|version| {
                let schema = version.schema_json.to_string();
                (version.number, Released { schema_id: version.schema_id, schema })
            });
            (event.name.to_string(), versions.collect())
        });
        Contract { id: id_text(aggregate.id).to_owned(), events: events.collect() }
    }

    fn compare(&self, aggregate: &Aggregate, problems: &mut Vec<String>) {
        let name = &aggregate.name;
        let id = id_text(aggregate.id);
        if self.id != id {
            problems.push(format!(
                "aggregate `{name}` has `id: {id}`, but stored ids are of `id: {}`: change it back",
                self.id
            ));
        }
        for (event, versions) in &self.events {
            let Some((_, current)) = aggregate.event(event) else {
                problems.push(format!(
                    "event `{event}` of `{name}` is gone, but may be stored: restore \
                     events/{event}, it need not be emitted any more"
                ));
                continue;
            };
            for (number, released) in versions {
                let file = format!("events/{event}/{number}.avsc");
                match current.versions.iter().find(|version| version.number == *number) {
                    None => problems.push(format!(
                        "version {number} of event `{event}` of `{name}` is gone, but may be \
                         stored: restore {file} as {}",
                        released.schema
                    )),
                    Some(version) if version.schema_id != released.schema_id => {
                        problems.push(format!(
                            "version {number} of event `{event}` of `{name}` is released and can't \
                             change: restore {file} as {}, and add a version {} for the change",
                            released.schema,
                            current.versions.len() + 1
                        ));
                    }
                    Some(_) => {}
                }
            }
        }
    }
}

fn id_text(id: IdKind) -> &'static str {
    match id {
        IdKind::Uuid => "uuid",
        IdKind::Text => "text",
    }
}
