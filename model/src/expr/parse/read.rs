//! From the parser's tree to ours.

use std::cell::Cell;

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr as Cel, LiteralValue, SourceInfo, operators as op,
};

use super::{Binary, Kind, Literal, Loop, LoopKind, Node};
use crate::expr::ExprError;

/// Deepest tree: what comes after is recursive too, and runs on the callers' stacks.
const MAX_DEPTH: usize = 80;

/// Turns the parser's tree into ours.
pub(super) struct Reader<'a> {
    source: &'a str,
    places: SourceInfo,
    depth: Cell<usize>,
}

type Read<T> = Result<T, ExprError>;

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str, places: SourceInfo) -> Reader<'a> {
        Reader { source, places, depth: Cell::new(0) }
    }

    fn at(&self, id: u64) -> usize {
        self.places.offset_for(id).map_or(0, |(start, _)| start as usize)
    }

    fn boxed(&self, tree: IdedExpr) -> Read<Box<Node>> {
        self.node(tree).map(Box::new)
    }

    fn nodes(&self, trees: Vec<IdedExpr>) -> Read<Vec<Node>> {
        trees.into_iter().map(|t| self.node(t)).collect()
    }

    /// Reads a node and what is below it.
    pub(super) fn node(&self, tree: IdedExpr) -> Read<Node> {
        let at = self.at(tree.id);
        if self.depth.get() == MAX_DEPTH {
            let message = "the expression nests too deep".to_owned();
            return Err(ExprError { offset: at, message, hint: Some("split it".to_owned()) });
        }
        self.depth.set(self.depth.get() + 1);
        let node = self.node_at(at, tree);
        self.depth.set(self.depth.get() - 1);
        node
    }

    fn node_at(&self, at: usize, tree: IdedExpr) -> Read<Node> {
        let kind = match tree.expr {
            Cel::Literal(value) => Kind::Literal(literal(value)),
            Cel::Ident(name) => Kind::Ident(name),
            Cel::Select(select) => {
                let of = self.boxed(*select.operand)?;
                if select.test {
                    return Ok(Node { at, kind: Kind::Has(of, select.field) });
                }
                let at = self.name_after(at, &select.field);
                return Ok(Node { at, kind: Kind::Select(of, select.field) });
            }
            Cel::Call(call) => return self.call(at, call),
            Cel::List(list) => Kind::List(self.nodes(list.elements)?),
            Cel::Map(map) => Kind::Map(self.entries(map.entries)?),
            Cel::Struct(record) => {
                let at = self.name_before(at, &record.type_name);
                let fields = self.fields(record.entries)?;
                return Ok(Node { at, kind: Kind::Record { name: record.type_name, fields } });
            }
            Cel::Comprehension(comprehension) => return self.comprehension(at, *comprehension),
            Cel::Unspecified => return Err(unreadable(at)),
        };
        Ok(Node { at, kind })
    }

    fn call(&self, at: usize, call: CallExpr) -> Read<Node> {
        let name = call.func_name;
        if name == "sortBy" && call.args.len() == 2 {
            return self.sort_by(at, call.target, call.args);
        }
        let target = call.target.map(|t| self.boxed(*t)).transpose()?;
        let mut args = self.nodes(call.args)?;
        let kind = match (name.as_str(), args.len()) {
            (op::CONDITIONAL, 3) => {
                let parts: [Node; 3] = args.try_into().map_err(|_| unreadable(at))?;
                Kind::If(Box::new(parts))
            }
            (op::LOGICAL_NOT, 1) => Kind::Not(Box::new(args.remove(0))),
            (op::NEGATE, 1) => Kind::Negate(Box::new(args.remove(0))),
            (_, 2) if name.contains('_') && target.is_none() || name == op::IN => {
                let [a, b]: [Node; 2] = args.try_into().map_err(|_| unreadable(at))?;
                match pair(&name, Box::new(a), Box::new(b)) {
                    Ok(kind) => kind,
                    Err((a, b)) => {
                        let at = self.name_before(at, &name);
                        let kind = Kind::Call { name, target, args: vec![*a, *b] };
                        return Ok(Node { at, kind });
                    }
                }
            }
            _ => {
                let at = self.name_before(at, &name);
                return Ok(Node { at, kind: Kind::Call { name, target, args } });
            }
        };
        Ok(Node { at, kind })
    }

    /// `list.sortBy(x, key)` is no macro of the parser.
    fn sort_by(&self, at: usize, target: Option<Box<IdedExpr>>, args: Vec<IdedExpr>) -> Read<Node> {
        let at = self.name_before(at, "sortBy");
        let mut args = args.into_iter();
        let (Some(range), Some(variable), Some(body)) = (target, args.next(), args.next()) else {
            return Err(unreadable(at));
        };
        let Cel::Ident(variable) = variable.expr else {
            let message = "the first argument of sortBy must be a name".to_owned();
            let hint = Some("write `list.sortBy(x, x.field)`".to_owned());
            return Err(ExprError { offset: self.at(variable.id), message, hint });
        };
        let (range, body) = (self.node(*range)?, self.node(body)?);
        let sort = Loop { kind: LoopKind::SortBy, range, variable, filter: None, body };
        Ok(Node { at, kind: Kind::Loop(Box::new(sort)) })
    }

    fn entries(&self, entries: Vec<cel::common::ast::IdedEntryExpr>) -> Read<Vec<(Node, Node)>> {
        let entry = |e: cel::common::ast::IdedEntryExpr| match e.expr {
            EntryExpr::MapEntry(m) => Ok((self.node(m.key)?, self.node(m.value)?)),
            EntryExpr::StructField(_) => Err(unreadable(self.at(e.id))),
        };
        entries.into_iter().map(entry).collect()
    }

    fn fields(
        &self,
        entries: Vec<cel::common::ast::IdedEntryExpr>,
    ) -> Read<Vec<(usize, String, Node)>> {
        let field = |e: cel::common::ast::IdedEntryExpr| match e.expr {
            EntryExpr::StructField(f) => {
                // The parser knows only where the colon is.
                let at = self.name_before(self.at(e.id), &f.field);
                Ok((at, f.field, self.node(f.value)?))
            }
            EntryExpr::MapEntry(_) => Err(unreadable(self.at(e.id))),
        };
        entries.into_iter().map(field).collect()
    }

    /// Reads an expanded macro back: the accumulator's first value and the step tell which.
    fn comprehension(&self, at: usize, c: ComprehensionExpr) -> Read<Node> {
        let (Cel::Call(step), variable) = (c.loop_step.expr, c.iter_var) else {
            return Err(unreadable(at));
        };
        let (kind, filter, body) = match c.accu_init.expr {
            Cel::Literal(LiteralValue::Boolean(all)) => {
                let kind = if *all.inner() { LoopKind::All } else { LoopKind::Exists };
                (kind, None, step.args.into_iter().nth(1))
            }
            Cel::Literal(LiteralValue::Int(_)) => {
                (LoopKind::ExistsOne, None, step.args.into_iter().next())
            }
            _ if step.func_name == op::CONDITIONAL => filtered(step, &variable),
            _ => (LoopKind::Map, None, mapped(step)),
        };
        let body = self.node(body.ok_or_else(|| unreadable(at))?)?;
        let filter = filter.map(|f| self.node(f)).transpose()?;
        let range = self.node(c.iter_range)?;
        Ok(Node { at, kind: Kind::Loop(Box::new(Loop { kind, range, variable, filter, body })) })
    }

    /// Where a field's name begins after its point.
    fn name_after(&self, at: usize, name: &str) -> usize {
        self.source.get(at..).and_then(|rest| rest.find(name)).map_or(at, |i| at + i)
    }

    /// Where a function's or record's name begins before its bracket.
    fn name_before(&self, at: usize, name: &str) -> usize {
        let first = name.split('.').next().unwrap_or(name);
        let first = if first.is_empty() { name } else { first };
        self.source.get(..at).and_then(|before| before.rfind(first)).unwrap_or(at)
    }
}

pub(super) fn unreadable(offset: usize) -> ExprError {
    ExprError { offset, message: "not a CEL expression".to_owned(), hint: None }
}

fn pair(name: &str, a: Box<Node>, b: Box<Node>) -> Result<Kind, (Box<Node>, Box<Node>)> {
    Ok(match name {
        op::LOGICAL_AND => Kind::And(a, b),
        op::LOGICAL_OR => Kind::Or(a, b),
        op::INDEX => Kind::Index(a, b),
        _ => match operator(name) {
            Some(operator) => Kind::Binary(operator, a, b),
            None => return Err((a, b)),
        },
    })
}

/// `filter ? accumulator + [body] : accumulator`: a filter keeps the element itself.
fn filtered(step: CallExpr, variable: &str) -> (LoopKind, Option<IdedExpr>, Option<IdedExpr>) {
    let mut args = step.args.into_iter();
    let (Some(condition), Some(grown)) = (args.next(), args.next()) else {
        return (LoopKind::Map, None, None);
    };
    let Cel::Call(grown) = grown.expr else { return (LoopKind::Map, None, None) };
    match mapped(grown) {
        Some(IdedExpr { expr: Cel::Ident(name), .. }) if name == variable => {
            (LoopKind::Filter, None, Some(condition))
        }
        body => (LoopKind::Map, Some(condition), body),
    }
}

/// The body in `accumulator + [body]`.
fn mapped(grown: CallExpr) -> Option<IdedExpr> {
    match grown.args.into_iter().nth(1)?.expr {
        Cel::List(list) => list.elements.into_iter().next(),
        _ => None,
    }
}

fn literal(value: LiteralValue) -> Literal {
    match value {
        LiteralValue::Null => Literal::Null,
        LiteralValue::Boolean(b) => Literal::Bool(b.into_inner()),
        LiteralValue::Int(i) => Literal::Int(i.into_inner()),
        LiteralValue::UInt(_) => Literal::Uint,
        LiteralValue::Double(d) => Literal::Double(d.into_inner()),
        LiteralValue::String(s) => Literal::Text(s.into_inner()),
        LiteralValue::Bytes(b) => Literal::Bytes(b.into_inner()),
    }
}

/// The operator that the parser calls so.
fn operator(name: &str) -> Option<Binary> {
    Some(match name {
        op::ADD => Binary::Add,
        op::SUBSTRACT => Binary::Subtract,
        op::MULTIPLY => Binary::Multiply,
        op::DIVIDE => Binary::Divide,
        op::MODULO => Binary::Remainder,
        op::EQUALS => Binary::Equal,
        op::NOT_EQUALS => Binary::NotEqual,
        op::LESS => Binary::Less,
        op::LESS_EQUALS => Binary::LessEqual,
        op::GREATER => Binary::Greater,
        op::GREATER_EQUALS => Binary::GreaterEqual,
        op::IN => Binary::In,
        _ => return None,
    })
}
