//! The YAML that would allow a question which no declared path answers.

use model::{Direction, View, ViewKind, ViewSource};

use crate::parameters::Asking;

impl Asking<'_> {
    /// A view like this one, with every column that was asked for in its key.
    pub(crate) fn declaration(&self, view: &View) -> String {
        let mut asked: Vec<&str> = Vec::new();
        for name in self.names.iter().copied().filter(|name| is_field_name(name)) {
            if !asked.contains(&name) {
                asked.push(name);
            }
        }
        let missing = self.key.iter().map(|index| &*self.columns[*index].name);
        asked.extend(missing.filter(|_| self.names.is_empty()));
        let name = format!("{}-by-{}", view.name, asked.join("-").replace('_', "-"));
        let mut lines = vec![format!("  {name}:"), format!("    key: [{}]", asked.join(", "))];
        let sort = self.sort_without(&asked);
        if !sort.is_empty() {
            lines.push(format!("    sort: [{}]", sort.join(", ")));
        }
        lines.push(self.fields_with(view, &asked));
        format!("views:\n{}", lines.join("\n"))
    }

    /// The declared order, without the columns that move into the key.
    fn sort_without(&self, asked: &[&str]) -> Vec<String> {
        let columns = self.clustering.iter().map(|(index, way)| (&self.columns[*index], way));
        columns
            .filter(|(column, _)| column.shown && &*column.name != "id")
            .filter(|(column, _)| !asked.contains(&&*column.name))
            .map(|(column, way)| match way {
                Direction::Ascending => column.name.to_string(),
                Direction::Descending => format!("-{}", column.name),
            })
            .collect()
    }

    /// The fields that are new; those of the view are to be copied, since only its author has
    /// their expressions as text.
    fn fields_with(&self, view: &View, asked: &[&str]) -> String {
        let is_new = |name: &&&str| !self.shown.iter().any(|(shown, _)| shown == *name);
        let new: Vec<String> = asked
            .iter()
            .filter(is_new)
            .map(|name| format!("{name}: {}.{name}", source(view)))
            .collect();
        let member = if matches!(view.kind, ViewKind::Rollup(_)) { "group" } else { "fields" };
        format!("    {member}: {{ {} }} # and those of {}", new.join(", "), view.name)
    }
}

/// Where a new column would most likely come from.
fn source(view: &View) -> &'static str {
    match view.source {
        ViewSource::State => "state",
        ViewSource::Each(_) => "it",
        ViewSource::Events { .. } => "event",
    }
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}
