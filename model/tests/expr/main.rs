//! Expressions: what compiles to which type, what it yields, what is refused and where.

mod support;

mod events;
mod failures;
mod fitting;
mod oracle;
mod properties;
mod refusals;
mod values;
