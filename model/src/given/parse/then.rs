//! What a test expects: a rejection, events, a state, rows of views.

use serde_json::Value as Json;

use super::super::case::{ExpectedEvent, Then};
use super::super::data::{self, json, member, only};
use super::Reader;
use crate::domain::{Command, View};
use crate::load::suggest::did_you_mean;
use crate::load::yaml::{Kind, Node};

/// The codes that a command may be rejected with besides those of its rules.
const CODES: [&str; 8] = [
    "not-found",
    "already-exists",
    "forbidden",
    "version-mismatch",
    "expression-failed",
    "too-large",
    "nothing-emitted",
    "invalid-input",
];

impl<'m> Reader<'m, '_> {
    pub(super) fn then(&mut self, node: &Node, command: Option<&Command>) -> Option<Then<'m>> {
        let known = ["rejected", "events", "state", "views"];
        if !only(node, "then", &known, self.source, self.report) {
            return None;
        }
        let rejected = member(node, "rejected").and_then(|code| self.code(code, command));
        let events = member(node, "events").map(|events| self.expected_events(events));
        let state = member(node, "state").map(|state| {
            if !state.is_null() {
                data::check(&self.aggregate.state_shape, state, self.source, self.report);
            }
            json(state)
        });
        let views = member(node, "views").map(|views| self.views(views)).unwrap_or_default();
        Some(Then { rejected, events, state, views })
    }

    fn code(&mut self, node: &Node, command: Option<&Command>) -> Option<String> {
        let Some(command) = command else {
            return self.wrong(node, "nothing is rejected without a `when`", "add the command");
        };
        let code = node.text().unwrap_or_default();
        let known = || CODES.into_iter().chain(command.require.iter().map(|rule| &*rule.code));
        if known().any(|known| known == code) {
            return Some(code.to_owned());
        }
        let message = format!("the command {} is never rejected with `{code}`", command.name);
        self.report.push(node.place(self.source), message, did_you_mean(code, known()));
        None
    }

    fn expected_events(&mut self, node: &Node) -> Vec<ExpectedEvent> {
        let Kind::List(items) = &node.kind else {
            self.wrong::<()>(node, "this is a list of events", "`[]` where none is expected");
            return Vec::new();
        };
        let mut expected = Vec::new();
        for item in items {
            let known = ["type", "event", "data"];
            if item.text().is_none() && !only(item, "an event", &known, self.source, self.report) {
                continue;
            }
            let Some(event) = self.event_type(item) else { continue };
            let data = member(item, "data").map(|node| {
                data::check(&self.aggregate.events[event].shape, node, self.source, self.report);
                json(node)
            });
            expected.push(ExpectedEvent { event, data });
        }
        expected
    }

    fn views(&mut self, node: &Node) -> Vec<(&'m View, Vec<Json>)> {
        let Kind::Map(members) = &node.kind else {
            self.wrong::<()>(node, "this maps views to their rows", "such as `my-view: []`");
            return Vec::new();
        };
        let mut views = Vec::new();
        for (key, rows) in members {
            let name = key.text().unwrap_or_default();
            let Some(view) = self.aggregate.views.iter().find(|view| *view.name == *name) else {
                self.unknown_view(key, name);
                continue;
            };
            let Kind::List(items) = &rows.kind else {
                self.wrong::<()>(rows, "this is a list of rows", "`[]` where none is expected");
                continue;
            };
            items.iter().for_each(|row| self.check_row(view, row));
            views.push((&**view, items.iter().map(json).collect()));
        }
        views
    }

    fn unknown_view(&mut self, key: &Node, name: &str) {
        let hint = match self.model.view(name) {
            Some((owner, _)) => Some(format!("it is a view of {}", owner.name)),
            None => did_you_mean(name, self.aggregate.views.iter().map(|view| &*view.name)),
        };
        let message = format!("{} has no view `{name}`", self.aggregate.name);
        self.report.push(key.place(self.source), message, hint);
    }

    fn check_row(&mut self, view: &View, row: &Node) {
        let Kind::Map(members) = &row.kind else {
            self.wrong::<()>(row, "a row is a mapping", "such as `{ id: … }`");
            return;
        };
        let columns = data::answer_columns(view);
        for (key, value) in members {
            let name = key.text().unwrap_or_default();
            match columns.iter().find(|(known, _)| *known == name) {
                Some((_, shape)) => data::check(shape, value, self.source, self.report),
                None => {
                    let hint = did_you_mean(name, columns.iter().map(|(name, _)| *name));
                    let message = format!("the view {} has no column `{name}`", view.name);
                    self.report.push(key.place(self.source), message, hint);
                }
            }
        }
    }
}
