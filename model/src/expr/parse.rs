//! CEL text becomes a small syntax tree of our own: macros are recognised again, operators have
//! names, every node knows its place. Nothing after this module names `cel`.

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr as Cel, LiteralValue, SourceInfo, operators as op,
};

use super::ExprError;

/// Longest text of one expression in bytes.
const MAX_SOURCE: usize = 16 * 1024;
/// Deepest nesting of brackets, and longest run of operators that nest without them.
const MAX_DEPTH: usize = 64;

/// A node of the syntax tree and the byte offset to report errors of it at.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub at: usize,
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Literal(Literal),
    Ident(String),
    Select(Box<Node>, String),
    Has(Box<Node>, String),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    If(Box<[Node; 3]>),
    Negate(Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    Index(Box<Node>, Box<Node>),
    Call { name: String, target: Option<Box<Node>>, args: Vec<Node> },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Record { name: String, fields: Vec<(usize, String, Node)> },
    Loop(Box<Loop>),
}

/// A constant.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint,
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
}

/// An operator of two operands that are always both evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
}

/// What a macro over a list makes of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
    SortBy,
}

/// A macro over a list or the keys of a map.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub kind: LoopKind,
    pub range: Node,
    pub variable: String,
    /// The condition of a three-argument `map`.
    pub filter: Option<Node>,
    pub body: Node,
}

impl Binary {
    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Remainder => "%",
            Binary::Equal => "==",
            Binary::NotEqual => "!=",
            Binary::Less => "<",
            Binary::LessEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterEqual => ">=",
            Binary::In => "in",
        }
    }

    fn of(name: &str) -> Option<Binary> {
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
}

impl Node {
    /// The first byte of the text that this node covers, as far as tokens tell.
    pub fn start(&self) -> usize {
        let inner = match &self.kind {
            Kind::Select(of, _)
            | Kind::Binary(_, of, _)
            | Kind::And(of, _)
            | Kind::Or(of, _)
            | Kind::Index(of, _) => of.start(),
            Kind::If(parts) => parts[0].start(),
            Kind::Call { target: Some(target), .. } => target.start(),
            Kind::Loop(l) => l.range.start(),
            _ => self.at,
        };
        inner.min(self.at)
    }
}

/// Parses a text, collecting every syntax error.
pub(super) fn parse(source: &str) -> Result<Node, Vec<ExprError>> {
    refuse_unreadable(source).map_err(|e| vec![e])?;
    let (tree, places) = cel::parser::Parser::new()
        .max_recursion_depth(MAX_DEPTH as u16)
        .parse_with_source_info(source)
        .map_err(|errors| syntax_errors(source, &errors))?;
    Reader { source, places }.node(tree).map_err(|e| vec![e])
}

/// Texts that would use up the parser's stack, or that hold nothing.
fn refuse_unreadable(source: &str) -> Result<(), ExprError> {
    let fail = |offset: usize, message: String, hint: &str| {
        Err(ExprError { offset, message, hint: Some(hint.to_owned()) })
    };
    if source.trim().is_empty() {
        return fail(0, "the expression is empty".into(), "write a CEL expression, or `null`");
    }
    if source.len() > MAX_SOURCE {
        let message = format!("the expression is longer than {MAX_SOURCE} bytes");
        return fail(0, message, "split it");
    }
    match too_deep(source) {
        Some(at) => fail(at, "the expression nests too deep".into(), "split it"),
        None => Ok(()),
    }
}

/// Where brackets or chains of operators pass what can be parsed on a small stack. What stands in
/// quotes does not count.
fn too_deep(source: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    let (mut depth, mut chain, mut at) = (0usize, 0usize, 0usize);
    while at < bytes.len() {
        match bytes[at] {
            b'\'' | b'"' => {
                at = after_text(bytes, at);
                continue;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'.' | b'<' | b'>' | b'=' | b'?' | b'!' => {
                chain += 1;
            }
            // Logic is balanced by the parser, and elements stand side by side.
            b'&' | b'|' | b',' => chain = 0,
            _ => {}
        }
        if depth > MAX_DEPTH || chain > 4 * MAX_DEPTH {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The byte after the text whose first quote stands at a byte.
fn after_text(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let raw = at > 0 && matches!(bytes[at - 1], b'r' | b'R');
    let triple = bytes[at..].starts_with(&[quote; 3]);
    let closing: &[u8] = if triple { &[quote; 3] } else { &[quote] };
    let mut at = at + closing.len();
    while at < bytes.len() {
        if bytes[at..].starts_with(closing) {
            return at + closing.len();
        }
        // A text of one line that is never closed ends with its line.
        if !triple && bytes[at] == b'\n' {
            return at;
        }
        at += if bytes[at] == b'\\' && !raw { 2 } else { 1 };
    }
    bytes.len()
}

/// The first error only: what follows it is mostly about the same mistake.
fn syntax_errors(source: &str, errors: &cel::ParseErrors) -> Vec<ExprError> {
    let Some(error) = errors.errors.first() else { return vec![unreadable(0)] };
    let offset = offset_of(source, error.pos);
    let text = error.msg.trim_start_matches("Syntax error: ");
    let message = format!("not a CEL expression: {text}");
    vec![ExprError { offset, message, hint: hint_for(source, offset) }]
}

/// A word about the mistakes that people make who come from other languages.
fn hint_for(source: &str, offset: usize) -> Option<String> {
    let rest = source.get(offset..)?;
    let before = source.get(..offset)?.trim_end();
    let hint = if rest.starts_with('=') {
        "compare with `==`"
    } else if rest.starts_with("and ") {
        "write `&&`"
    } else if rest.starts_with("or ") {
        "write `||`"
    } else if before.ends_with("not") {
        "write `!`"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

/// The byte offset of a line and column (in characters), both from 1.
fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1) - 1;
    let column = usize::try_from(column).unwrap_or(1).max(1) - 1;
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = source.get(start..).unwrap_or("");
    start + rest.char_indices().nth(column).map_or(rest.len(), |(i, _)| i)
}

/// Turns the parser's tree into ours.
struct Reader<'a> {
    source: &'a str,
    places: SourceInfo,
}

type Read<T> = Result<T, ExprError>;

impl Reader<'_> {
    fn at(&self, id: u64) -> usize {
        self.places.offset_for(id).map_or(0, |(start, _)| start as usize)
    }

    fn boxed(&self, tree: IdedExpr) -> Read<Box<Node>> {
        self.node(tree).map(Box::new)
    }

    fn nodes(&self, trees: Vec<IdedExpr>) -> Read<Vec<Node>> {
        trees.into_iter().map(|t| self.node(t)).collect()
    }

    fn node(&self, tree: IdedExpr) -> Read<Node> {
        let at = self.at(tree.id);
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

fn unreadable(offset: usize) -> ExprError {
    ExprError { offset, message: "not a CEL expression".to_owned(), hint: None }
}

fn pair(name: &str, a: Box<Node>, b: Box<Node>) -> Result<Kind, (Box<Node>, Box<Node>)> {
    Ok(match name {
        op::LOGICAL_AND => Kind::And(a, b),
        op::LOGICAL_OR => Kind::Or(a, b),
        op::INDEX => Kind::Index(a, b),
        _ => match Binary::of(name) {
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
