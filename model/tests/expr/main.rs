//! Expressions: what compiles to which type, what it yields, what is refused and where.

mod support;

mod values;
