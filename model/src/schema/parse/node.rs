//! JSON that remembers where each part stands.

use serde::de::IgnoredAny;
use serde_json::Number;

/// A part of a JSON text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Byte offset of its first character.
    pub(super) at: usize,
    pub(super) json: Json,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// Members in the order written, repeated ones too.
    Object(Vec<Member>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    /// Byte offset of its name.
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) node: Node,
}

/// Text that is no JSON.
pub(super) struct Malformed {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) message: String,
}

impl Node {
    /// Parses a text; it is nested at most as deep as serde_json allows.
    pub(super) fn parse(text: &str) -> Result<Node, Malformed> {
        let malformed = |error: serde_json::Error| Malformed {
            line: error.line() as u32,
            column: error.column().max(1) as u32,
            message: error.to_string(),
        };
        serde_json::from_str::<IgnoredAny>(text).map_err(malformed)?;
        // The text is JSON, so what follows needs to look at first characters only.
        let mut scanner = Scanner { text, at: 0 };
        scanner.node().map_err(malformed)
    }

    /// The members of an object.
    pub(super) fn members(&self) -> &[Member] {
        match &self.json {
            Json::Object(members) => members,
            _ => &[],
        }
    }

    /// A member of an object.
    pub(super) fn member(&self, name: &str) -> Option<&Node> {
        self.members().iter().find(|m| m.name == name).map(|m| &m.node)
    }

    /// The text that it is.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.json {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub(super) fn described(&self) -> String {
        match &self.json {
            Json::Null => "null".to_owned(),
            Json::Bool(flag) => flag.to_string(),
            Json::Number(number) => number.to_string(),
            Json::Text(text) => format!("{text:?}"),
            Json::List(_) => "an array".to_owned(),
            Json::Object(_) => "an object".to_owned(),
        }
    }
}

/// Line and column (in characters) of a byte offset, both from 1.
pub(super) fn line_column(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line as u32, column as u32)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn node(&mut self) -> Result<Node, serde_json::Error> {
        self.blank();
        let at = self.at;
        let json = match self.peek() {
            b'{' => Json::Object(self.members()?),
            b'[' => Json::List(self.items()?),
            b'"' => Json::Text(self.string()?),
            b't' | b'f' | b'n' => self.word(),
            _ => Json::Number(self.number()?),
        };
        Ok(Node { at, json })
    }

    fn members(&mut self) -> Result<Vec<Member>, serde_json::Error> {
        let mut members = Vec::new();
        self.at += 1;
        while !self.closes(b'}') {
            let at = self.at;
            let name = self.string()?;
            self.blank();
            self.at += 1;
            members.push(Member { at, name, node: self.node()? });
        }
        Ok(members)
    }

    fn items(&mut self) -> Result<Vec<Node>, serde_json::Error> {
        let mut items = Vec::new();
        self.at += 1;
        while !self.closes(b']') {
            items.push(self.node()?);
        }
        Ok(items)
    }

    /// Steps over blanks and a comma to the next member or item, or over the end.
    fn closes(&mut self, end: u8) -> bool {
        self.blank();
        if self.peek() == b',' {
            self.at += 1;
            self.blank();
        }
        let closes = self.peek() == end || self.at >= self.text.len();
        self.at += usize::from(closes);
        closes
    }

    fn string(&mut self) -> Result<String, serde_json::Error> {
        let start = self.at;
        self.at += 1;
        while self.peek() != b'"' && self.at < self.text.len() {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str(self.text.get(start..self.at).unwrap_or(""))
    }

    fn word(&mut self) -> Json {
        let (length, json) = match self.peek() {
            b't' => (4, Json::Bool(true)),
            b'f' => (5, Json::Bool(false)),
            _ => (4, Json::Null),
        };
        self.at += length;
        json
    }

    fn number(&mut self) -> Result<Number, serde_json::Error> {
        let start = self.at;
        while matches!(self.peek(), b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E') {
            self.at += 1;
        }
        serde_json::from_str(self.text.get(start..self.at).unwrap_or(""))
    }

    fn blank(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }
}
