//! Whether the tables are what the log says, by a fold written for this alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Aggregate, Model, Value, View};
use read_store::{Reader, RunId};

use super::domain::{Account, Happened};
use super::ledger::Ledger;

/// Rows as texts, each as often as it is there.
type Rows = Vec<String>;

/// Compares states and all views.
pub async fn compare(
    model: &Model,
    reader: &dyn Reader,
    ledger: &Ledger,
    found: &mut Vec<String>,
) -> anyhow::Result<()> {
    let catalog = reader.catalog().await?;
    let live = catalog.runs.iter().find(|run| run.live && run.primary);
    let run = live.ok_or_else(|| anyhow::anyhow!("no run is live"))?;
    let aggregate = &model.aggregates[0];
    states(aggregate, reader, &run.id, ledger, found).await?;
    for view in &aggregate.views {
        let rows = reader.scan_rows(&run.id, view, None, usize::MAX).await?;
        let mut there: Rows = rows.iter().map(|row| shown(view, row)).collect();
        let mut wanted = wanted(&view.name, ledger);
        there.sort();
        wanted.sort();
        if there != wanted {
            found.push(format!("{} holds {there:?}, should hold {wanted:?}", view.name));
        }
    }
    Ok(())
}

async fn states(
    aggregate: &Aggregate,
    reader: &dyn Reader,
    run: &RunId,
    ledger: &Ledger,
    found: &mut Vec<String>,
) -> anyhow::Result<()> {
    let rows = reader.scan_states(run, &aggregate.name, None, usize::MAX).await?;
    let mut there: BTreeMap<Arc<str>, String> = BTreeMap::new();
    for (id, row) in rows {
        let state = row.state.as_deref().map(|bytes| aggregate.state_shape.decode(bytes));
        let state = state.transpose().map_err(|error| anyhow::anyhow!("{error}"))?;
        let fields = match &state {
            Some(Value::Record(fields)) => fields.iter().map(text).collect::<Vec<_>>().join(" "),
            _ => "gone".to_owned(),
        };
        there.insert(id, format!("{} {fields} keyed {}", row.version, row.keyed));
    }
    for (id, entries) in &ledger.accounts {
        let states = ledger.states(id);
        let (version, account) = &states[states.len() - 1];
        let keyed = entries.iter().filter(|entry| entry.key.is_some()).count();
        let fields = account.as_ref().map_or("gone".to_owned(), fields);
        let wanted = format!("{version} {fields} keyed {keyed}");
        match there.remove(id) {
            Some(row) if row == wanted => {}
            row => found.push(format!("state of {id} is {row:?}, should be {wanted}")),
        }
    }
    if !there.is_empty() {
        found.push(format!("states of nothing: {there:?}"));
    }
    Ok(())
}

fn fields(account: &Account) -> String {
    let label = account.label.as_deref().unwrap_or("-");
    format!("{} {} {label} [{}]", account.city, account.balance, account.tags.join(","))
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

/// What a view should hold.
fn wanted(view: &str, ledger: &Ledger) -> Rows {
    let last = |id: &Arc<str>| ledger.states(id).pop().and_then(|(_, account)| account);
    let accounts: Vec<(&Arc<str>, Account)> =
        ledger.accounts.keys().filter_map(|id| Some((id, last(id)?))).collect();
    let moved: Vec<(&Arc<str>, &'static str, i64)> = movements(ledger);
    match view {
        "accounts-by-city" => {
            accounts.iter().map(|(id, a)| format!("{} {} {id}", a.city, a.balance)).collect()
        }
        "labels" => {
            let label = |a: &Account| a.label.clone().unwrap_or("-".to_owned());
            accounts.iter().map(|(id, a)| format!("{} {} {id}", label(a), a.balance)).collect()
        }
        "accounts-by-tag" => {
            let tags = |id: &Arc<str>, a: &Account| -> Rows {
                a.tags.iter().map(|tag| format!("{tag} {} {id}", a.city)).collect()
            };
            accounts.iter().flat_map(|(id, a)| tags(id, a)).collect()
        }
        "movements" => moved.iter().map(|(id, kind, n)| format!("{kind} {n} {id}")).collect(),
        "balance-by-city" => {
            summed(accounts.iter().map(|(_, account)| (account.city.clone(), account.balance)))
        }
        "turnover" => summed(moved.iter().map(|(_, kind, n)| ((*kind).to_owned(), *n))),
        other => vec![format!("nobody has said what {other} should hold")],
    }
}

fn movements(ledger: &Ledger) -> Vec<(&Arc<str>, &'static str, i64)> {
    let entries = ledger.accounts.values().flatten();
    let of = |event: &Happened| match event {
        Happened::Deposited(n) | Happened::Withdrawn(n) => Some((event.name(), *n)),
        _ => None,
    };
    let events = entries.flat_map(|entry| entry.events.iter().map(move |event| (entry, event)));
    events.filter_map(|(entry, event)| of(event).map(|(kind, n)| (&entry.id, kind, n))).collect()
}

fn summed(parts: impl Iterator<Item = (String, i64)>) -> Rows {
    let mut groups: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (group, amount) in parts {
        let (count, sum) = groups.entry(group).or_default();
        (*count, *sum) = (*count + 1, *sum + amount);
    }
    groups.into_iter().map(|(group, (count, sum))| format!("{group} {count} {sum}")).collect()
}
