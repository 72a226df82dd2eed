//! What a model offers, as a short text for people.

use std::fmt::{self, Write};

use crate::domain::{Aggregate, Command, IdKind, Model, Occurrence, View};

impl Model {
    /// The calls, events and views of every aggregate, a line each.
    pub fn summary(&self) -> String {
        let mut out = String::new();
        for aggregate in &self.aggregates {
            // Writing to a String cannot fail.
            let _ = write_aggregate(&mut out, aggregate);
        }
        out
    }
}

fn write_aggregate(out: &mut String, aggregate: &Aggregate) -> fmt::Result {
    let id = match aggregate.id {
        IdKind::Uuid => "uuid",
        IdKind::Text => "text",
    };
    writeln!(out, "{} (id: {id})", aggregate.name)?;
    writeln!(out, "  commands")?;
    for command in &aggregate.commands {
        writeln!(out, "    {}", command_line(aggregate, command))?;
    }
    writeln!(out, "  state")?;
    writeln!(out, "    GET /{}/{{id}}", aggregate.plural)?;
    writeln!(out, "  events")?;
    for event in &aggregate.events {
        writeln!(out, "    {} (version {})", event.name, event.current().number)?;
    }
    writeln!(out, "  views")?;
    for view in &aggregate.views {
        writeln!(out, "    {}", view_line(view))?;
    }
    Ok(())
}

fn command_line(aggregate: &Aggregate, command: &Command) -> String {
    let on = match command.on {
        Occurrence::New => "new",
        Occurrence::Existing => "existing",
        Occurrence::Any => "any",
    };
    let mut line = format!("POST /{}/{{id}}/{} (on {on})", aggregate.plural, command.name);
    if command.on == Occurrence::New && aggregate.id == IdKind::Uuid {
        let _ = write!(line, ", POST /{}/{}", aggregate.plural, command.name);
    }
    line
}

fn view_line(view: &View) -> String {
    let mut line = format!("GET /views/{}", view.name);
    let columns = view.columns();
    for (position, index) in view.key().iter().enumerate() {
        let sign = if position == 0 { '?' } else { '&' };
        let _ = write!(line, "{sign}{}=…", columns[*index].name);
    }
    let sort: Vec<&str> = view.sort().iter().map(|(index, _)| &*columns[*index].name).collect();
    if !sort.is_empty() {
        let _ = write!(line, " by {}", sort.join(", "));
    }
    line
}
