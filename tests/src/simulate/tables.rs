//! Whether the tables are what the log says.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Aggregate, Model, Value, View};
use read_store::batch::{Mark, UsedKey};
use read_store::{Catalog, Reader, Run, RunId};

use super::domain::Account;
use super::models::Change;
use super::wanted::{Past, Rows, Waits, Wanted};

/// The runs that serve an aggregate as it is declared now.
pub fn live_runs<'c>(catalog: &'c Catalog, aggregate: &Aggregate) -> Vec<&'c Run> {
    let fits = |run: &&Run| run.live && run.fold_hash == aggregate.fold_hash;
    catalog.runs.iter().filter(fits).collect()
}

/// The run that feeds a view.
pub fn run_of<'c>(runs: &[&'c Run], view: &View) -> Option<&'c Run> {
    let feeds = |run: &&&Run| run.views.contains(&(view.name.clone(), view.hash));
    runs.iter().find(feeds).copied()
}

/// Compares everything that a projector writes.
pub async fn compare(
    model: &Model,
    reader: &dyn Reader,
    wanted: &Wanted<'_>,
    found: &mut Vec<String>,
) -> anyhow::Result<()> {
    let aggregate = &model.aggregates[0];
    let catalog = reader.catalog().await?;
    let runs = live_runs(&catalog, aggregate);
    let primary = runs.iter().find(|run| run.primary);
    let run = &primary.ok_or_else(|| anyhow::anyhow!("no run is live"))?.id;
    let compared = Compared { aggregate, reader, wanted };
    compared.states(run, found).await?;
    for (id, past) in &wanted.accounts {
        compared.history(run, id, past, found).await?;
        compared.keys(run, id, past, found).await?;
    }
    for view in &aggregate.views {
        match run_of(&runs, view) {
            Some(run) => compared.view(&run.id, view, found).await?,
            None => found.push(format!("{} is not served", view.name)),
        }
    }
    compared.parked(&runs, found).await?;
    marks(&reader.marks().await?, &runs, wanted, found);
    Ok(())
}

struct Compared<'a> {
    aggregate: &'a Aggregate,
    reader: &'a dyn Reader,
    wanted: &'a Wanted<'a>,
}

impl Compared<'_> {
    async fn states(&self, run: &RunId, found: &mut Vec<String>) -> anyhow::Result<()> {
        let rows = self.reader.scan_states(run, &self.aggregate.name, None, usize::MAX).await?;
        let mut there: BTreeMap<Arc<str>, String> = BTreeMap::new();
        for (id, row) in rows {
            let state = row.state.as_deref().map(|bytes| self.aggregate.state_shape.decode(bytes));
            let state = state.transpose().map_err(|error| anyhow::anyhow!("{error}"))?;
            let fields = match &state {
                Some(Value::Record(fields)) => {
                    fields.iter().map(text).collect::<Vec<_>>().join(" ")
                }
                _ => "gone".to_owned(),
            };
            let (version, offset, keyed) = (row.version, row.offset, row.keyed);
            let parked = row.parked_from;
            there
                .insert(id, format!("{version}@{offset} {fields} keyed {keyed} parked {parked:?}"));
        }
        for (id, past) in &self.wanted.accounts {
            let last = past.steps[..past.folded].last();
            let (version, offset) = last.map_or((0, -1), |s| (s.version, s.stored.offset));
            let keyed = past.keyed().count();
            let account = past.account(past.folded);
            let fields = account.map_or("gone".to_owned(), |account| self.fields(account));
            let parked = past.steps.get(past.folded).map(|step| step.stored.offset);
            let wanted = format!("{version}@{offset} {fields} keyed {keyed} parked {parked:?}");
            match there.remove(*id) {
                Some(row) if row == wanted => {}
                row => found.push(format!("state of {id} is {row:?}, should be {wanted}")),
            }
        }
        if !there.is_empty() {
            found.push(format!("states of nothing: {there:?}"));
        }
        Ok(())
    }

    fn fields(&self, account: &Account) -> String {
        let Account { city, balance, label, moves, tags } = account;
        let label = label.as_deref().unwrap_or("-");
        let moves = match self.wanted.change {
            Some(Change::Folds) => format!("{moves} "),
            _ => String::new(),
        };
        format!("{city} {balance} {label} {moves}[{}]", tags.join(","))
    }

    async fn history(
        &self,
        run: &RunId,
        id: &str,
        past: &Past<'_>,
        found: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        let stored = self.reader.history(run, &self.aggregate.name, id, 0, usize::MAX).await?;
        let there: Rows = stored
            .iter()
            .map(|e| format!("{} {} {} {:?}", e.version, e.event, e.time, e.data))
            .collect();
        let wanted: Rows = past.steps[..past.folded]
            .iter()
            .map(|s| {
                let e = s.stored;
                format!("{} {} {} {:?}", s.version, e.event, e.time, e.data)
            })
            .collect();
        if there != wanted {
            found.push(format!("history of {id} is {there:?}, should be {wanted:?}"));
        }
        Ok(())
    }

    async fn keys(
        &self,
        run: &RunId,
        id: &str,
        past: &Past<'_>,
        found: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        let mut there = self.reader.used_keys(run, &self.aggregate.name, id).await?;
        there.sort_by_key(|used| used.number);
        let keyed = past.keyed().zip(1..);
        let wanted: Vec<UsedKey> = keyed
            .filter_map(|((entry, began), number)| {
                let key = entry.key.clone()?;
                Some(UsedKey {
                    number,
                    key: key.key,
                    caller: key.caller,
                    hash: key.hash,
                    first_version: entry.before + 1,
                    events: entry.records.iter().map(|stored| stored.event.clone()).collect(),
                    began,
                    offset: entry.offset,
                })
            })
            .collect();
        if there != wanted {
            found.push(format!("keys of {id} are {there:?}, should be {wanted:?}"));
        }
        Ok(())
    }

    async fn view(
        &self,
        run: &RunId,
        view: &Arc<View>,
        found: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        let rows = self.reader.scan_rows(run, view, None, usize::MAX).await?;
        let mut there: Rows = rows.iter().map(|row| shown(view, row)).collect();
        let mut wanted = self.wanted.rows(&view.name);
        there.sort();
        wanted.sort();
        if there != wanted {
            found.push(format!("{} holds {there:?}, should hold {wanted:?}", view.name));
        }
        Ok(())
    }

    async fn parked(&self, runs: &[&Run], found: &mut Vec<String>) -> anyhow::Result<()> {
        for run in runs {
            let waits = self.reader.parked(&run.id).await?;
            let mut there: Vec<Waits> = waits
                .into_iter()
                .map(|p| (p.view.map(|view| view.to_string()), p.id, p.offset, p.version))
                .collect();
            there.sort();
            let views: Vec<&str> = run.views.iter().map(|(name, _)| &**name).collect();
            let wanted = self.wanted.waits(&views);
            if there != wanted {
                found.push(format!("{there:?} wait, {wanted:?} should"));
            }
        }
        Ok(())
    }
}

/// Marks must say what validity is where they stand, and they stand at the end.
fn marks(marks: &[Mark], runs: &[&Run], wanted: &Wanted<'_>, found: &mut Vec<String>) {
    for (partition, (end, standing)) in &wanted.ledger.ends {
        for run in runs {
            let mark = marks.iter().find(|mark| {
                mark.run == run.id
                    && (&mark.partition.0, mark.partition.1) == (&partition.topic, partition.number)
            });
            let there = mark.map(|mark| (mark.offset, mark.claim, mark.seq));
            let claim = standing.claim.map(|claim| *claim.0.as_bytes());
            if there != Some((*end, claim, standing.seq)) {
                found.push(format!("mark of {partition} is {there:?}: {end} {standing:?}"));
            }
        }
    }
}

/// The columns that the model declares, and the id where a row has one.
fn shown(view: &View, row: &[Value]) -> String {
    let hidden = |at: usize| view.columns().get(at).is_some_and(|column| !column.shown);
    let values = row.iter().enumerate().filter(|(at, _)| !hidden(*at));
    values.map(|(_, value)| text(value)).collect::<Vec<_>>().join(" ")
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(","))
        }
        other => format!("{other:?}"),
    }
}
