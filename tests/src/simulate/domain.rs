//! The simulated domain as plain Rust: what its model.yaml declares, written once more by hand, so
//! that a run is judged by something else than what it runs.

use model::Value;
use model::decide::{Expected, Rejection};

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub city: String,
    pub balance: i64,
    pub label: Option<String>,
    pub moves: i64,
    pub tags: Vec<String>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Open(String),
    Deposit(i64),
    Withdraw(i64),
    Label(Option<String>),
    Move(String),
    Tag(Vec<String>),
    Close,
}

/// An event, as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    Opened(String),
    Deposited(i64),
    Withdrawn(i64),
    Noted,
    Labelled(Option<String>),
    Moved(String),
    Tagged(Vec<String>),
    Closed,
}

/// What deciding says.
#[derive(Clone, Debug, PartialEq)]
pub enum Decided {
    Events(Vec<Happened>),
    Refused(Refused),
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    NotFound,
    AlreadyExists,
    VersionMismatch(u64),
    Overdrawn,
    /// What it would write can't be folded.
    Unfoldable,
}

impl Act {
    pub fn name(&self) -> &'static str {
        match self {
            Act::Open(_) => "open",
            Act::Deposit(_) => "deposit",
            Act::Withdraw(_) => "withdraw",
            Act::Label(_) => "label",
            Act::Move(_) => "move",
            Act::Tag(_) => "tag",
            Act::Close => "close",
        }
    }

    pub fn input(&self) -> String {
        let input = match self {
            Act::Open(city) | Act::Move(city) => serde_json::json!({ "city": city }),
            Act::Deposit(amount) | Act::Withdraw(amount) => {
                serde_json::json!({ "amount": amount })
            }
            Act::Label(label) => serde_json::json!({ "label": label }),
            Act::Tag(tags) => serde_json::json!({ "tags": tags }),
            Act::Close => serde_json::json!({}),
        };
        input.to_string()
    }

    /// Decides on an account with this many events.
    pub fn decide(
        &self,
        account: Option<&Account>,
        version: u64,
        expected: Option<Expected>,
    ) -> Decided {
        match (self, account) {
            (Act::Open(_), Some(_)) => return Decided::Refused(Refused::AlreadyExists),
            (Act::Open(_), None) | (_, Some(_)) => {}
            (_, None) => return Decided::Refused(Refused::NotFound),
        }
        if let Some(Expected::Version(wanted)) = expected
            && wanted != version
        {
            return Decided::Refused(Refused::VersionMismatch(version));
        }
        let begun = Account::default();
        let account = account.unwrap_or(&begun);
        Decided::Events(match self {
            Act::Deposit(0) => Vec::new(),
            Act::Deposit(amount) => vec![Happened::Deposited(*amount)],
            Act::Withdraw(amount) if account.balance < *amount => {
                return Decided::Refused(Refused::Overdrawn);
            }
            Act::Withdraw(amount) => vec![Happened::Withdrawn(*amount), Happened::Noted],
            Act::Label(label) => vec![Happened::Labelled(label.clone())],
            Act::Move(city) if *city == account.city => Vec::new(),
            Act::Move(city) => vec![Happened::Moved(city.clone())],
            Act::Tag(tags) => vec![Happened::Tagged(tags.clone())],
            Act::Close => vec![Happened::Closed],
            Act::Open(city) => vec![Happened::Opened(city.clone())],
        })
    }
}

impl Happened {
    /// Reads an event's data.
    pub fn read(event: &str, data: &Value) -> Option<Happened> {
        let Value::Record(fields) = data else { return None };
        let text = |value: &Value| match value {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        };
        let first = fields.first();
        Some(match (event, first) {
            ("Opened", Some(city)) => Happened::Opened(text(city)?),
            ("Deposited", Some(Value::Int(amount))) => Happened::Deposited(*amount),
            ("Withdrawn", Some(Value::Int(amount))) => Happened::Withdrawn(*amount),
            ("Noted", None) => Happened::Noted,
            ("Labelled", Some(label)) => Happened::Labelled(text(label)),
            ("Moved", Some(city)) => Happened::Moved(text(city)?),
            ("Tagged", Some(Value::List(tags))) => {
                Happened::Tagged(tags.iter().filter_map(text).collect())
            }
            ("Closed", None) => Happened::Closed,
            _ => return None,
        })
    }

    pub fn name(&self) -> &'static str {
        match self {
            Happened::Opened(_) => "Opened",
            Happened::Deposited(_) => "Deposited",
            Happened::Withdrawn(_) => "Withdrawn",
            Happened::Noted => "Noted",
            Happened::Labelled(_) => "Labelled",
            Happened::Moved(_) => "Moved",
            Happened::Tagged(_) => "Tagged",
            Happened::Closed => "Closed",
        }
    }

    /// The account after it.
    pub fn fold(&self, account: Option<&Account>) -> Option<Account> {
        let mut account = account.cloned().unwrap_or_default();
        match self {
            Happened::Opened(city) => account.city = city.clone(),
            Happened::Deposited(amount) => account.balance += amount,
            Happened::Withdrawn(amount) => account.balance -= amount,
            Happened::Noted => {}
            Happened::Labelled(label) => account.label = label.clone(),
            Happened::Moved(city) => {
                account.city = city.clone();
                account.moves += 1;
            }
            Happened::Tagged(tags) => account.tags = tags.clone(),
            Happened::Closed => return None,
        }
        Some(account)
    }
}

/// A refusal as the judge names it; `None` for one that this domain has not.
pub fn refused(rejection: &Rejection) -> Option<Refused> {
    match rejection {
        Rejection::NotFound => Some(Refused::NotFound),
        Rejection::AlreadyExists => Some(Refused::AlreadyExists),
        Rejection::VersionMismatch { version } => Some(Refused::VersionMismatch(*version)),
        Rejection::Rule { .. } => Some(Refused::Overdrawn),
        Rejection::ExpressionFailed { .. } => Some(Refused::Unfoldable),
        _ => None,
    }
}
