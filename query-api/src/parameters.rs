//! Query strings: names and values, decoded once.

use std::borrow::Cow;

use service::Problem;
use service::text::percent_decode;

use crate::problems;

/// Rows of a page, where the caller does not say.
pub const DEFAULT_LIMIT: usize = 50;
const MOST_ROWS: usize = 1_000;
const OPERATORS: [&str; 4] = ["gt", "gte", "lt", "lte"];
const OWN: [&str; 4] = ["limit", "cursor", "order", "fields"];

/// The parameters of a query string, in order.
pub struct Parameters<'q>(Vec<(Cow<'q, str>, Cow<'q, str>)>);

impl<'q> Parameters<'q> {
    /// Decodes a query string.
    pub fn parse(query: &'q str) -> Result<Parameters<'q>, Problem> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            percent_decode(name, true).zip(percent_decode(value, true))
        });
        let pairs: Option<Vec<_>> = pairs.collect();
        pairs.map(Parameters).ok_or_else(|| {
            Problem::new(400, "invalid-value", "a query string is percent-encoded UTF-8")
        })
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| &**value)
    }

    /// What is compared: the name without its operator, the operator, the value, and the name as
    /// it was sent.
    pub fn compared(&self) -> impl Iterator<Item = (&str, Option<&'static str>, &str, &str)> {
        self.0.iter().filter(|(name, _)| !OWN.contains(&&**name)).map(|(name, value)| {
            let (column, operator) = split_operator(name);
            (column, operator, &**value, &**name)
        })
    }

    /// `limit`, if it is given.
    pub fn limit(&self) -> Result<Option<usize>, Problem> {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let parsed = self.get("limit").map(|text| match text.parse() {
            Ok(limit) if digits(text) && (1..=MOST_ROWS).contains(&limit) => Ok(limit),
            _ => Err(problems::invalid_value("limit", "a whole number from 1 to 1000")),
        });
        parsed.transpose()
    }

    /// Refuses parameters other than these, and any but `id` that is given twice.
    pub fn refuse_others(&self, known: &[&str], described: &str) -> Result<(), Problem> {
        for (name, _) in &self.0 {
            if !known.contains(&&**name) {
                let detail = format!("`{name}` is not a parameter here; there are {described}");
                return Err(problems::unsupported(detail));
            }
        }
        match self.twice(&["id"]) {
            Some(name) => Err(problems::unsupported(format!("`{name}` is given twice"))),
            None => Ok(()),
        }
    }

    /// A parameter that is given twice, but for these.
    pub fn twice(&self, but: &[&str]) -> Option<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        let mut pairs = names.windows(2).filter(|pair| pair[0] == pair[1]);
        pairs.find(|pair| !but.contains(&pair[0])).map(|pair| pair[0])
    }
}

/// A name split at its last dot, if what follows is an operator.
pub fn split_operator(name: &str) -> (&str, Option<&'static str>) {
    let split = name.rsplit_once('.').and_then(|(column, operator)| {
        OPERATORS.into_iter().find(|known| *known == operator).map(|known| (column, known))
    });
    match split {
        Some((column, operator)) => (column, Some(operator)),
        None => (name, None),
    }
}
