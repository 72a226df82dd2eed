//! Folders that load, and what they load to.

use std::path::Path;

use foldline_model::domain::{FieldSource, Fold, Lift, MeasureKind};
use foldline_model::{Direction, IdKind, Model, Occurrence, Value, ViewKind};

use crate::folder::Folder;

const MODEL: &str = "accounts/model.yaml";

fn load(folder: &Folder) -> Model {
    folder.load().unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_accounts_domain_loads() {
    let model = load(&Folder::accounts());
    let account = model.aggregate("account").expect("it is there");
    assert_eq!(&*account.plural, "accounts");
    assert_eq!(account.id, IdKind::Uuid);
    let names: Vec<&str> = account.commands.iter().map(|c| &*c.name).collect();
    assert_eq!(names, ["open", "deposit", "withdraw", "freeze", "thaw", "close"]);
    assert_eq!(account.command("open").expect("there").on, Occurrence::New);
    let withdraw = account.command("withdraw").expect("there");
    assert!(withdraw.allow_reads_state);
    assert_eq!(withdraw.require[1].status, 409);
    assert!(!account.command("freeze").expect("there").allow_reads_state);
    let (_, closed) = account.event("AccountClosed").expect("there");
    assert!(matches!(closed.fold, Fold::Delete));
}

#[test]
fn the_example_domains_load() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let model = Model::load(&root).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(model.aggregates.len(), 2);
    let (_, opened) = model.aggregates[1].event("TimesheetOpened").expect("there");
    assert!(matches!(opened.versions[0].lift, Lift::Upcast(_)));
    assert!(matches!(opened.versions[1].lift, Lift::Resolve(_)));
}

#[test]
fn an_event_takes_its_fields_from_with_then_the_input_then_the_default() {
    let extra = r#"{"name":"note","type":["null","string"]}, {"name":"opened_at""#;
    let file = "accounts/events/AccountOpened/1.avsc";
    let model = load(&Folder::accounts().replace(file, r#"{"name":"opened_at""#, extra));
    let fields = &model.aggregates[0].command("open").expect("there").emit[0].fields;
    assert!(matches!(fields[0], FieldSource::Input(0)), "{fields:?}");
    // The input's int fits the event's long only through an expression.
    assert!(matches!(fields[1], FieldSource::Expr(_)), "{fields:?}");
    assert!(matches!(fields[2], FieldSource::Default(Value::Null)), "{fields:?}");
    assert!(matches!(fields[3], FieldSource::Expr(_)), "{fields:?}");
}

#[test]
fn rows_are_told_apart_by_appended_columns() {
    let model = load(&Folder::accounts());
    let (_, view) = model.view("movements-by-day").expect("there");
    let ViewKind::Rows(rows) = &view.kind else { panic!("a view of rows") };
    let named = |index: usize| &*rows.columns[index].name;
    assert_eq!(rows.key.iter().map(|k| named(*k)).collect::<Vec<_>>(), ["day"]);
    let clustering: Vec<_> = rows.clustering.iter().map(|(c, d)| (named(*c), *d)).collect();
    let down = Direction::Descending;
    assert_eq!(clustering, [("time", down), ("id", down), ("version", down)]);
    let shown: Vec<_> = rows.columns.iter().filter(|c| c.shown).map(|c| &*c.name).collect();
    assert_eq!(shown, ["day", "time", "amount", "id"]);
}

#[test]
fn id_may_be_named_in_sort() {
    let folder = Folder::accounts().replace(MODEL, "sort: [-opened_at]", "sort: [id, -opened_at]");
    let model = load(&folder);
    let (_, view) = model.view("accounts-by-owner").expect("there");
    let ViewKind::Rows(rows) = &view.kind else { panic!("a view of rows") };
    let clustering: Vec<_> =
        rows.clustering.iter().map(|(c, d)| (&*rows.columns[*c].name, *d)).collect();
    assert_eq!(clustering, [("id", Direction::Ascending), ("opened_at", Direction::Descending)]);
}

#[test]
fn the_order_of_a_rollup_may_name_its_key() {
    let declared = "{ in_debt: state.balance < 0, owner: state.owner }\n    key: [owner]\n    \
                    sort: [owner, -in_debt]";
    let model =
        load(&Folder::accounts().replace(MODEL, "{ in_debt: state.balance < 0 }", declared));
    let (_, view) = model.view("balances").expect("there");
    assert_eq!(view.key(), [1]);
    assert_eq!(view.clustering(), [(0, Direction::Descending)]);
}

#[test]
fn a_rollup_has_groups_and_measures() {
    let model = load(&Folder::accounts());
    let (_, view) = model.view("balances").expect("there");
    let ViewKind::Rollup(rollup) = &view.kind else { panic!("a rollup") };
    let kinds: Vec<_> = rollup.measures.iter().map(|m| m.kind).collect();
    assert_eq!(kinds, [MeasureKind::Count, MeasureKind::Int]);
    let row: Vec<_> = view.row_shape.fields.iter().map(|f| &*f.name).collect();
    assert_eq!(row, ["in_debt", "accounts", "balance"]);
}

#[test]
fn readme_and_dot_files_and_other_top_level_things_are_ignored() {
    let folder = Folder::accounts()
        .with("accounts/README.md", "hello")
        .with("accounts/.gitignore", "*")
        .with("accounts/events/README.md", "hello")
        .with("accounts/events/Deposited/.keep", "")
        .with("notes.txt", "hello")
        .with("drafts/thing.txt", "hello");
    load(&folder);
}

#[test]
fn shared_types_are_found_and_own_ones_come_first() {
    let record = |name: &str, field: &str| {
        format!(
            r#"{{"type":"record","name":"{name}","fields":[{{"name":"{field}","type":"long"}}]}}"#
        )
    };
    let folder = Folder::accounts()
        .with("types/Money.avsc", &record("Money", "cents"))
        .with("types/Rate.avsc", &record("Rate", "shared"))
        .with("accounts/types/Rate.avsc", &record("Rate", "own"))
        .replace(
            "accounts/state.avsc",
            r#"{"name":"frozen""#,
            r#"{"name":"m","type":["null","Money"]}, {"name":"r","type":["null","Rate"]}, {"name":"frozen""#,
        )
        .replace(
            MODEL,
            "balance: state.balance - event.amount",
            r#"balance: 0, m: "Money{cents: 1}", r: "Rate{own: event.amount}""#,
        );
    load(&folder);
}

#[test]
fn what_where_says_of_the_state_holds_for_each() {
    let tags =
        r#"{"name":"tags","type":["null",{"type":"array","items":"string"}]}, {"name":"frozen""#;
    let view = r#"  tags:
    each: state.tags
    where: "state.tags != null && it != ''"
    key: [tag]
    fields: { tag: it }
  balances:"#;
    let folder = Folder::accounts()
        .replace("accounts/state.avsc", r#"{"name":"frozen""#, tags)
        .replace(MODEL, "  balances:", view);
    load(&folder);
}

#[test]
fn hashes_change_with_what_they_stand_for() {
    let base = load(&Folder::accounts());
    let other_fold =
        load(&Folder::accounts().replace(MODEL, "frozen: true", "frozen: \"true || false\""));
    let other_view =
        load(&Folder::accounts().replace(MODEL, "sort: [-opened_at]", "sort: [opened_at]"));
    let other_allow =
        load(&Folder::accounts().replace(MODEL, "row.owner == actor.sub", "actor.sub == 'x'"));
    let fold = |model: &Model| model.aggregates[0].fold_hash;
    let view = |model: &Model| model.view("accounts-by-owner").expect("there").1.hash;
    assert_ne!(fold(&base), fold(&other_fold));
    assert_eq!(view(&base), view(&other_fold));
    assert_eq!(fold(&base), fold(&other_view));
    assert_ne!(view(&base), view(&other_view));
    assert_eq!(view(&base), view(&other_allow));
}

#[test]
fn a_model_lives_with_its_own_contract_and_not_with_a_changed_one() {
    let remembered = load(&Folder::accounts()).contracts();
    let check = |folder: Folder| load(&folder).check_against(&remembered).err().unwrap_or_default();
    assert!(check(Folder::accounts()).is_empty());

    let text_ids = check(Folder::accounts().replace(MODEL, "id: uuid", "id: text"));
    assert!(text_ids[0].contains("change it back"), "{text_ids:?}");

    let file = "accounts/events/Withdrawn/1.avsc";
    let changed = check(
        Folder::accounts()
            .replace(file, "amount", "sum")
            .replace(
                MODEL,
                "- event: Withdrawn",
                "- { event: Withdrawn, with: { sum: input.amount } }",
            )
            .replace(MODEL, "- event.amount } }", "- event.sum } }")
            .replace(
                MODEL,
                "'Withdrawn' ? -event.amount : event.amount",
                "'Withdrawn' ? -event.sum : event.amount",
            ),
    );
    assert!(changed[0].contains("version 1 of event `Withdrawn`"), "{changed:?}");

    let later = r#"{"type":"record","name":"Withdrawn","fields":[{"name":"amount","type":"long"},{"name":"note","type":"string","default":""}]}"#;
    assert!(check(Folder::accounts().with("accounts/events/Withdrawn/2.avsc", later)).is_empty());

    let gone =
        load(&Folder::accounts()).check_against(&[("ghost".into(), remembered[0].1.clone())]);
    assert!(gone.expect_err("refused")[0].contains("ghost"));
}

#[test]
fn the_summary_names_every_call() {
    let summary = load(&Folder::accounts()).summary();
    for line in [
        "POST /accounts/{id}/open (on new), POST /accounts/open",
        "GET /accounts/{id}",
        "GET /views/movements-by-day?day=… by time",
        "Withdrawn (version 1)",
    ] {
        assert!(summary.contains(line), "{line}\n{summary}");
    }
}
