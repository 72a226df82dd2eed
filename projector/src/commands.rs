//! Used idempotency keys: one row per keyed command of an aggregate, counted from 1.

use std::sync::Arc;

use event_log::Record;
use event_log::validity::event;
use read_store::batch::UsedKey;

/// What is remembered of a keyed command, which may have begun its aggregate; `None` where it had
/// no key.
pub(crate) fn used_key(command: &[Record], number: u64, began: bool) -> Option<UsedKey> {
    let last = command.last()?;
    let first = event(command.first()?)?;
    let keyed = first.command.as_ref()?;
    Some(UsedKey {
        number,
        key: keyed.key.clone(),
        caller: keyed.caller.clone(),
        hash: keyed.hash,
        first_version: first.version,
        events: command.iter().filter_map(event).map(|event| Arc::clone(&event.event)).collect(),
        began,
        offset: last.offset.0,
    })
}
