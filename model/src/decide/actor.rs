//! The caller as expressions see it: `actor.sub`, `actor.roles`, `actor.scopes`, `actor.claims`.

use super::Actor;
use crate::value::Value;

/// The value of the `actor` slot.
pub(crate) fn actor_value(actor: &Actor) -> Value {
    crate::expr::actor_value(&actor.sub, &actor.roles, &actor.scopes, &actor.claims)
}
