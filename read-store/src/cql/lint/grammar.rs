//! The statements that are allowed, as a grammar.

type Checked = Result<(), String>;

const TYPES: [&str; 9] =
    ["bigint", "blob", "boolean", "decimal", "double", "int", "text", "timestamp", "tinyint"];
const MORE_TYPES: [&str; 2] = ["uuid", "varint"];

/// Words that one of the databases refuses as a name without quotes.
const RESERVED: [&str; 44] = [
    "add",
    "allow",
    "alter",
    "and",
    "apply",
    "asc",
    "authorize",
    "batch",
    "begin",
    "by",
    "columnfamily",
    "create",
    "delete",
    "desc",
    "describe",
    "drop",
    "entries",
    "execute",
    "from",
    "full",
    "grant",
    "if",
    "in",
    "index",
    "infinity",
    "insert",
    "into",
    "is",
    "keyspace",
    "limit",
    "materialized",
    "modify",
    "nan",
    "norecursive",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "primary",
    "token",
    "view",
    "where",
];

/// Whether a statement is allowed; in the catalog with conditions.
pub(super) fn check(text: &str, in_catalog: bool) -> Checked {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, in_catalog };
    match parser.next()?.as_str() {
        "INSERT" => parser.insert()?,
        "DELETE" => parser.delete()?,
        "UPDATE" if in_catalog => parser.update()?,
        "SELECT" => parser.select()?,
        "CREATE" => parser.create()?,
        "ALTER" => parser.alter()?,
        "DROP" => parser.drop()?,
        other => return Err(format!("{other} is not allowed")),
    }
    match parser.tokens.get(parser.at) {
        None => Ok(()),
        Some(more) => Err(format!("{more} is not expected")),
    }
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => quoted_length(rest, first).ok_or("an open quote")?,
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            '<' | '>' if rest[1..].starts_with('=') => 2,
            c => c.len_utf8(),
        };
        out.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(out)
}

/// Doubled quotes stand for one.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut at = 1;
    loop {
        at += text[at..].find(quote)? + 1;
        if !text[at..].starts_with(quote) {
            return Some(at);
        }
        at += 1;
    }
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
    in_catalog: bool,
}

impl Parser {
    fn next(&mut self) -> Result<String, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("the end comes too early")?;
        self.at += 1;
        Ok(token)
    }

    fn is(&mut self, word: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|token| token == word);
        self.at += usize::from(found);
        found
    }

    fn words(&mut self, words: &str) -> Checked {
        words.split(' ').try_for_each(|word| match self.next()? {
            found if found == word => Ok(()),
            found => Err(format!("{found} where {word} is expected")),
        })
    }

    fn name(&mut self) -> Checked {
        let name = self.next()?;
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && !RESERVED.contains(&name.as_str());
        if plain || (name.starts_with('"') && name.len() > 2) {
            return Ok(());
        }
        Err(format!("{name} is no name"))
    }

    /// A name, of another keyspace too.
    fn table(&mut self) -> Checked {
        self.name()?;
        if self.is(".") { self.name() } else { Ok(()) }
    }

    fn list(&mut self, item: impl Fn(&mut Parser) -> Checked) -> Checked {
        item(self)?;
        while self.is(",") {
            item(self)?;
        }
        Ok(())
    }

    fn insert(&mut self) -> Checked {
        self.words("INTO")?;
        self.table()?;
        self.words("(")?;
        self.list(Parser::name)?;
        self.words(") VALUES (")?;
        self.list(|parser| parser.words("?"))?;
        self.words(")")?;
        if self.in_catalog {
            return self.words("IF NOT EXISTS");
        }
        self.words("USING TIMESTAMP ?")
    }

    fn delete(&mut self) -> Checked {
        self.words("FROM")?;
        self.table()?;
        self.words("USING TIMESTAMP ? WHERE")?;
        self.equals("AND")
    }

    fn update(&mut self) -> Checked {
        self.table()?;
        self.words("SET")?;
        self.equals(",")?;
        self.words("WHERE")?;
        self.equals("AND")?;
        self.words("IF")?;
        self.equals("AND")
    }

    fn equals(&mut self, between: &str) -> Checked {
        loop {
            self.name()?;
            self.words("= ?")?;
            if !self.is(between) {
                return Ok(());
            }
        }
    }

    fn select(&mut self) -> Checked {
        self.list(Parser::name)?;
        self.words("FROM")?;
        self.table()?;
        if self.is("WHERE") {
            self.condition()?;
            while self.is("AND") {
                self.condition()?;
            }
        }
        if self.is("ORDER") {
            self.words("BY")?;
            self.ordered()?;
        }
        if self.is("LIMIT") { self.words("?") } else { Ok(()) }
    }

    fn condition(&mut self) -> Checked {
        if self.is("token") {
            self.words("(")?;
            self.list(Parser::name)?;
            self.words(") > token (")?;
            self.list(|parser| parser.words("?"))?;
            return self.words(")");
        }
        self.name()?;
        match self.next()?.as_str() {
            "=" | "<" | "<=" | ">" | ">=" => self.words("?"),
            other => Err(format!("{other} is not allowed")),
        }
    }

    fn ordered(&mut self) -> Checked {
        self.name()?;
        if self.is("ASC") { Ok(()) } else { self.words("DESC") }
    }

    fn create(&mut self) -> Checked {
        if self.is("KEYSPACE") {
            self.words("IF NOT EXISTS")?;
            self.name()?;
            self.words("WITH replication = { 'class' : 'NetworkTopologyStrategy' ,")?;
            self.literal()?;
            self.words(":")?;
            self.number()?;
            return self.words("}");
        }
        self.words("TABLE IF NOT EXISTS")?;
        self.table()?;
        self.words("(")?;
        while !self.is("PRIMARY") {
            self.name()?;
            self.column_type()?;
            self.words(",")?;
        }
        self.words("KEY ( (")?;
        self.list(Parser::name)?;
        self.words(")")?;
        while self.is(",") {
            self.name()?;
        }
        self.words(") ) WITH")?;
        if self.is("CLUSTERING") {
            self.words("ORDER BY (")?;
            self.list(Parser::ordered)?;
            self.words(") AND")?;
        }
        self.words("gc_grace_seconds =")?;
        self.number()
    }

    fn alter(&mut self) -> Checked {
        self.words("TABLE")?;
        self.table()?;
        self.words("ADD")?;
        self.name()?;
        self.column_type()
    }

    fn column_type(&mut self) -> Checked {
        let kind = self.next()?;
        if TYPES.iter().chain(&MORE_TYPES).any(|known| *known == kind) {
            return Ok(());
        }
        Err(format!("{kind} is no type that is allowed"))
    }

    fn literal(&mut self) -> Checked {
        let literal = self.next()?;
        if literal.starts_with('\'') { Ok(()) } else { Err(format!("{literal} is no text")) }
    }

    fn number(&mut self) -> Checked {
        let number = self.next()?;
        number.parse::<u32>().map(drop).map_err(|_| format!("{number} is no number"))
    }

    fn drop(&mut self) -> Checked {
        if !self.is("TABLE") {
            self.words("KEYSPACE")?;
        }
        self.words("IF EXISTS")?;
        self.table()
    }
}
