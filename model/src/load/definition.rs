//! What a model.yaml says, before anything in it is looked up or compiled.

use super::document::{Fields, Reader, Text};
use super::yaml::Node;

/// A whole file.
#[derive(Debug)]
pub(super) struct Definition<'a> {
    pub(super) aggregate: Option<Text<'a>>,
    pub(super) plural: Option<Text<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) read: Option<Text<'a>>,
    pub(super) commands: Vec<CommandDef<'a>>,
    pub(super) events: Vec<EventDef<'a>>,
    pub(super) views: Vec<ViewDef<'a>>,
}

#[derive(Debug)]
pub(super) struct CommandDef<'a> {
    pub(super) name: Text<'a>,
    pub(super) input: Option<Text<'a>>,
    pub(super) on: Option<Text<'a>>,
    pub(super) allow: Option<Text<'a>>,
    pub(super) require: Vec<RuleDef<'a>>,
    pub(super) emit: Vec<EmitDef<'a>>,
}

#[derive(Debug)]
pub(super) struct RuleDef<'a> {
    pub(super) rule: Text<'a>,
    pub(super) code: Text<'a>,
    pub(super) message: Text<'a>,
    pub(super) status: Option<Text<'a>>,
}

#[derive(Debug)]
pub(super) struct EmitDef<'a> {
    pub(super) event: Text<'a>,
    pub(super) when: Option<Text<'a>>,
    pub(super) each: Option<Text<'a>>,
    pub(super) with: Vec<(Text<'a>, Text<'a>)>,
}

#[derive(Debug)]
pub(super) struct EventDef<'a> {
    pub(super) name: Text<'a>,
    pub(super) fold: Vec<(Text<'a>, Text<'a>)>,
    pub(super) delete: bool,
    pub(super) upcast: Vec<UpcastDef<'a>>,
}

/// A step's version as written, and the fields it sets.
pub(super) type UpcastDef<'a> = (Text<'a>, Vec<(Text<'a>, Text<'a>)>);

#[derive(Debug)]
pub(super) struct ViewDef<'a> {
    pub(super) name: Text<'a>,
    pub(super) of: Option<(&'a Node, Vec<Text<'a>>)>,
    pub(super) each: Option<Text<'a>>,
    pub(super) filter: Option<Text<'a>>,
    pub(super) allow: Option<Text<'a>>,
    pub(super) key: Vec<Text<'a>>,
    pub(super) sort: Vec<Text<'a>>,
    pub(super) fields: Vec<(Text<'a>, Text<'a>)>,
    pub(super) rollup: Option<RollupDef<'a>>,
    pub(super) buckets: Option<Text<'a>>,
}

#[derive(Debug)]
pub(super) struct RollupDef<'a> {
    pub(super) group: Vec<(Text<'a>, Text<'a>)>,
    pub(super) measures: Vec<(Text<'a>, Text<'a>)>,
}

const ROOT: [&str; 8] =
    ["foldline", "aggregate", "plural", "id", "read", "commands", "events", "views"];
const ROOT_LATER: [&str; 10] = [
    "unique",
    "timers",
    "deadlines",
    "after",
    "at",
    "every",
    "reactions",
    "react",
    "calls",
    "joins",
];
const COMMAND: [&str; 5] = ["input", "on", "allow", "require", "emit"];
const COMMAND_LATER: [&str; 6] = ["unique", "after", "at", "every", "deadline", "call"];
const EVENT: [&str; 3] = ["fold", "upcast", "delete"];
const EVENT_LATER: [&str; 7] = ["unique", "after", "at", "every", "deadline", "reactions", "call"];
const VIEW: [&str; 10] =
    ["key", "sort", "where", "allow", "fields", "each", "of", "group", "measures", "buckets"];
const VIEW_LATER: [&str; 5] = ["unique", "join", "joins", "search", "index"];

impl<'a> Reader<'a, '_> {
    /// Reads a whole model file.
    pub(super) fn definition(&mut self, root: &'a Node) -> Definition<'a> {
        let fields = self.fields(root, "model.yaml", &ROOT, &ROOT_LATER);
        self.language(root, &fields);
        Definition {
            aggregate: self.required(root, &fields, "aggregate", "aggregate: order"),
            plural: self.required(root, &fields, "plural", "plural: orders"),
            id: self.optional(&fields, "id"),
            read: self.optional(&fields, "read"),
            commands: self.section(&fields, "commands", Self::command),
            events: self.section(&fields, "events", Self::event),
            views: self.section(&fields, "views", Self::view),
        }
    }

    fn language(&mut self, root: &'a Node, fields: &Fields<'a>) {
        let version = self.required(root, fields, "foldline", "foldline: 1");
        if let Some(version) = version.filter(|version| version.text != "1") {
            let message = format!("language version `{}` is not known here", version.text);
            self.hinted(version.node, message, "this program reads `foldline: 1`");
        }
    }

    fn section<T>(
        &mut self,
        fields: &Fields<'a>,
        name: &str,
        read: fn(&mut Self, Text<'a>, &'a Node) -> Option<T>,
    ) -> Vec<T> {
        let Some(node) = fields.get(name) else { return Vec::new() };
        let pairs = self.pairs(node, &format!("`{name}`"));
        pairs
            .iter()
            .filter_map(|(key, value)| {
                let name = Text { text: key.text()?, node: key };
                read(self, name, value)
            })
            .collect()
    }

    fn command(&mut self, name: Text<'a>, node: &'a Node) -> Option<CommandDef<'a>> {
        let what = format!("command `{}`", name.text);
        let fields = self.fields(node, &what, &COMMAND, &COMMAND_LATER);
        let require = fields.get("require").map(|node| self.list(node, "require"));
        let emit = fields.get("emit").map(|node| self.list(node, "emit")).unwrap_or_default();
        if emit.is_empty() {
            let hint = "write `emit: [ { event: … } ]` with at least one entry";
            self.hinted(
                fields.key("emit").unwrap_or(name.node),
                format!("{what} emits nothing"),
                hint,
            );
        }
        Some(CommandDef {
            name,
            input: self.optional(&fields, "input"),
            on: self.optional(&fields, "on"),
            allow: self.optional(&fields, "allow"),
            require: require
                .unwrap_or_default()
                .iter()
                .filter_map(|node| self.rule(node))
                .collect(),
            emit: emit.iter().filter_map(|node| self.emit(node)).collect(),
        })
    }

    fn rule(&mut self, node: &'a Node) -> Option<RuleDef<'a>> {
        let known = ["rule", "code", "message", "status"];
        let fields = self.fields(node, "an entry of `require`", &known, &[]);
        let rule = self.required(node, &fields, "rule", "rule: \"input.amount > 0\"");
        let code = self.required(node, &fields, "code", "code: no-amount");
        let message = self.required(node, &fields, "message", "message: \"say what must hold\"");
        let status = self.optional(&fields, "status");
        Some(RuleDef { rule: rule?, code: code?, message: message?, status })
    }

    fn emit(&mut self, node: &'a Node) -> Option<EmitDef<'a>> {
        let later = ["after", "at", "every"];
        let fields =
            self.fields(node, "an entry of `emit`", &["event", "when", "each", "with"], &later);
        let with = fields.get("with").map(|node| self.text_pairs(node, "with"));
        Some(EmitDef {
            when: self.optional(&fields, "when"),
            each: self.optional(&fields, "each"),
            with: with.unwrap_or_default(),
            event: self.required(node, &fields, "event", "event: OrderPlaced")?,
        })
    }

    fn event(&mut self, name: Text<'a>, node: &'a Node) -> Option<EventDef<'a>> {
        let what = format!("event `{}`", name.text);
        let fields = self.fields(node, &what, &EVENT, &EVENT_LATER);
        let delete = self.optional(&fields, "delete");
        let deletes = match delete {
            None => false,
            Some(Text { text: "true", .. }) => true,
            Some(other) => {
                if other.text != "false" {
                    self.hinted(other.node, "`delete` is true or left out", "write `delete: true`");
                }
                false
            }
        };
        if let (true, Some(key)) = (deletes, fields.get("fold").and(fields.key("fold"))) {
            let message = "`delete` and `fold` exclude each other: a deleted state has no fields";
            self.error(key, message);
        }
        let fold = fields.get("fold").map(|node| self.text_pairs(node, "fold"));
        let upcast = fields.get("upcast").map(|node| self.pairs(node, "`upcast`"));
        let steps = upcast.unwrap_or_default().iter().filter_map(|(key, value)| {
            let number = Text { text: key.text()?, node: key };
            Some((number, self.text_pairs(value, "upcast")))
        });
        let upcast = steps.collect();
        Some(EventDef { name, fold: fold.unwrap_or_default(), delete: deletes, upcast })
    }

    fn view(&mut self, name: Text<'a>, node: &'a Node) -> Option<ViewDef<'a>> {
        let what = format!("view `{}`", name.text);
        let fields = self.fields(node, &what, &VIEW, &VIEW_LATER);
        let of = fields.get("of").map(|node| (node, self.texts(node, "of")));
        let columns = |reader: &mut Self, key: &str| {
            fields.get(key).map(|node| reader.text_pairs(node, key)).unwrap_or_default()
        };
        let names = |reader: &mut Self, key: &str| {
            fields.get(key).map(|node| reader.texts(node, key)).unwrap_or_default()
        };
        let (group, measures) = (columns(self, "group"), columns(self, "measures"));
        Some(ViewDef {
            name,
            of,
            each: self.optional(&fields, "each"),
            filter: self.optional(&fields, "where"),
            allow: self.optional(&fields, "allow"),
            key: names(self, "key"),
            sort: names(self, "sort"),
            fields: columns(self, "fields"),
            rollup: self.rollup(name, &fields, group, measures),
            buckets: self.optional(&fields, "buckets"),
        })
    }

    fn rollup(
        &mut self,
        name: Text<'a>,
        fields: &Fields<'a>,
        group: Vec<(Text<'a>, Text<'a>)>,
        measures: Vec<(Text<'a>, Text<'a>)>,
    ) -> Option<RollupDef<'a>> {
        let rollup = fields.key("group").or(fields.key("measures"));
        if let (Some(_), Some(key)) = (rollup, fields.key("fields")) {
            let hint = "a rollup shows its `group` and `measures`, a view of rows its `fields`";
            self.hinted(key, "`fields` and `group` exclude each other", hint);
        } else if let Some(key) = rollup.filter(|_| group.is_empty() || measures.is_empty()) {
            let hint =
                "write `group: { day: \"day(state.paid_at)\" }` and `measures: { n: count() }`";
            self.hinted(key, "a rollup needs `group` and `measures`", hint);
        } else if rollup.is_none() && fields.get("fields").is_none() {
            let message = format!("view `{}` has no `fields`", name.text);
            let hint = "name what a row shows: `fields: { customer: state.customer }`";
            self.hinted(name.node, message, hint);
        }
        rollup.map(|_| RollupDef { group, measures })
    }

    /// A scalar that must be there; missing, it is reported at its mapping.
    fn required(
        &mut self,
        node: &Node,
        fields: &Fields<'a>,
        key: &str,
        example: &str,
    ) -> Option<Text<'a>> {
        match fields.get(key) {
            Some(value) => self.text(value, key),
            None => {
                let at = fields.key(key).unwrap_or(node);
                self.hinted(at, format!("`{key}` is missing"), format!("write `{example}`"));
                None
            }
        }
    }

    /// A scalar that may be left out, though not left empty.
    fn optional(&mut self, fields: &Fields<'a>, key: &str) -> Option<Text<'a>> {
        let value = fields.raw(key)?;
        if value.text() == Some("") {
            self.error(value, format!("`{key}` is empty"));
            return None;
        }
        self.text(value, key)
    }
}
