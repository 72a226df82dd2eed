//! CEL text becomes a small syntax tree of our own: macros are recognised again, operators have
//! names, every node knows its place. Nothing outside this module names `cel`.

mod guard;
mod read;
mod syntax;

use super::ExprError;
use read::Reader;

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

/// Parses a text; a syntax error says where and, for the usual ones, what would be right.
pub(super) fn parse(source: &str) -> Result<Node, ExprError> {
    let depth = guard::measure(source)?;
    guard::on_enough_stack(depth, || {
        let (tree, places) = cel::parser::Parser::new()
            .max_recursion_depth(guard::MAX_BRACKETS)
            .parse_with_source_info(source)
            .map_err(|errors| syntax::syntax_error(source, &errors))?;
        Reader::new(source, places).node(tree)
    })
}
