//! Which events can be an aggregate's first.

use super::definition::{CommandDef, EventDef};
use super::document::Text;
use super::each::conjuncts;

/// Whether the aggregate may be missing when an entry of `emit` is reached.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    /// It may not have been there before the command.
    FromStart,
    /// An entry before has deleted it.
    Deleted,
    No,
}

/// The events that can be an aggregate's first, or the first after a deletion: those that a command
/// on new or any ids emits before anything is sure to have been emitted, and those after a delete.
/// `state` in `when` is the one before the command, so `state != null` and `state == null` say
/// whether the aggregate was there.
pub(super) fn first_events<'d>(
    commands: &[CommandDef<'d>],
    defs: &[EventDef<'_>],
) -> Vec<Text<'d>> {
    let deletes = |name: &str| defs.iter().any(|def| def.delete && def.name.text == name);
    let mut first: Vec<Text<'d>> = Vec::new();
    for command in commands {
        let mut missing = match command.on.map(|on| on.text) {
            Some("new" | "any") => Missing::FromStart,
            _ => Missing::No,
        };
        for entry in &command.emit {
            let when = entry.when.map_or("", |when| when.text);
            let sure = missing == Missing::FromStart && says(when, "!=");
            let absent = missing != Missing::No && !sure;
            if absent && !first.iter().any(|known| known.text == entry.event.text) {
                first.push(entry.event);
            }
            let always = entry.each.is_none() && (when.is_empty() || is_null_test(when, "=="));
            missing = match missing {
                _ if deletes(entry.event.text) => Missing::Deleted,
                Missing::FromStart if always => Missing::No,
                Missing::Deleted if entry.each.is_none() && when.is_empty() => Missing::No,
                missing => missing,
            };
        }
    }
    first
}

/// Whether a conjunct of `when` compares `state` with null.
fn says(when: &str, operator: &str) -> bool {
    conjuncts(when).iter().any(|part| is_null_test(part, operator))
}

fn is_null_test(text: &str, operator: &str) -> bool {
    let text: String = text.split_whitespace().collect();
    text == format!("state{operator}null") || text == format!("null{operator}state")
}
