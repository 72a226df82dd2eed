//! Every refusal, at its place, with what is wrong and what would be right.

use rstest::rstest;

use crate::folder::Folder;

const MODEL: &str = "accounts/model.yaml";
const STATE: &str = "accounts/state.avsc";

/// Loads the changed folder; one error must be at the mark, with both texts in it.
fn refused(folder: Folder, message: &str, hint: &str) {
    let mut folder = folder;
    let marks = folder.marks();
    let errors = folder.errors();
    let found = errors.iter().any(|error| {
        let place = &error.place;
        let at = (place.file.display().to_string(), place.line, place.column);
        let said = error.hint.as_deref().unwrap_or_default();
        marks.contains(&at) && error.message.contains(message) && said.contains(hint)
    });
    assert!(found, "{message:?}, {hint:?} at {marks:?} is not in {errors:#?}");
}

#[rstest]
// keys and values
#[case("read:", "§reads:", "no key `reads`", "did you mean `read`?")]
#[case("read:", "§unique: [owner]\nread:", "`unique` is reserved", "")]
#[case("foldline: 1", "foldline: §2", "language version `2`", "foldline: 1")]
#[case("plural: accounts", "plural: accounts\n§plural: others", "twice", "line 4")]
#[case("id: uuid", "id: §serial", "`id` can't be `serial`", "`text`")]
#[case("on: new", "on: §create", "`on` can't be `create`", "`existing`")]
#[case("aggregate: account", "aggregate: §Bank_Account", "kebab-case", "bank-account")]
#[case("plural: accounts", "plural: §metrics", "reserved", "views")]
#[case("plural: accounts", "plural: §openapi.json", "reserved", "openapi.json")]
#[case("plural: accounts", "plural: §[a]", "must be a single value", "")]
// rules
#[case("code: frozen", "code: §not-found", "service's own", "")]
#[case("code: frozen", "code: §isFrozen", "kebab-case", "is-frozen")]
#[case(
    "status: 409\n      - rule: state.balance",
    "status: §500\n      - rule: state.balance",
    "status `500`",
    "422"
)]
#[case("code: frozen\n", "\n", "`code` is missing", "")]
#[case(
    "rule: state.balance - input.amount >= -state.overdraft",
    "rule: §state.balance - input.amount",
    "",
    ""
)]
// emit
#[case("- event: Withdrawn", "- event: §Withdrawal", "no event `Withdrawal`", "Withdrawn")]
#[case(
    "with: { opened_at: now }",
    "with: { §opened: now, opened_at: now }",
    "`opened`",
    "opened_at"
)]
#[case("input: OpenAccount", "input: §OpenAcount", "no input", "OpenAccount")]
#[case(
    "- event: AccountOpened\n        with: { opened_at: now }",
    "- event: §AccountOpened",
    "`opened_at` of AccountOpened gets no value",
    "with"
)]
#[case("with: { opened_at: now }", "with: { opened_at: §1 }", "", "")]
#[case("- event: Withdrawn", "- event: Withdrawn\n        after: 1", "", "")]
#[case(
    "        with: { amount: input.first_deposit }",
    "        with: { amount: min(1, 2§) }",
    "",
    ""
)]
// folds
#[case("Withdrawn: { fold", "§Withdraw: { fold", "no event `Withdraw`", "Withdrawn")]
#[case("frozen: true", "§froze: true", "no field of Account", "frozen")]
#[case(
    "AccountClosed: { delete: true }",
    "AccountClosed: { delete: true, §fold: { frozen: true } }",
    "exclude",
    ""
)]
#[case("      overdraft: event.overdraft\n", "", "", "")]
#[case(
    "Deposited: { fold: { balance: state.balance + event.amount } }",
    "Deposited: { upcast: { §1: { amount: '1' } } }",
    "no upcast from version `1`",
    "only one version"
)]
// views
#[case("  balances:", "  §Balances:", "no view name", "balances")]
#[case("  balances:", "  accounts-by-owner:\n    fields: { a: state.owner }\n  balances:", "", "")]
#[case("key: [owner]", "key: [§ownr]", "no column", "owner")]
#[case("key: [owner]", "key: [owner, §owner]", "twice", "")]
#[case("sort: [-opened_at]", "sort: [-opened_at, §owner]", "twice", "")]
#[case(
    "{ owner: state.owner,",
    "{ owner: state.owner, §id: state.owner,",
    "can't be named `id`",
    ""
)]
#[case("{ owner: state.owner,", "{ owner: state.owner, §Name: state.owner,", "no field name", "")]
#[case(
    "key: [owner]\n    sort: [-opened_at]\n    allow: row.owner == actor.sub\n    fields: {",
    "key: [§limit]\n    fields: { limit: state.balance,",
    "can't be named `limit`",
    ""
)]
#[case(
    "amount: \"type",
    "§version: event.amount\n      amount: \"type",
    "that value itself",
    "another name"
)]
#[case("of: [Deposited, Withdrawn]", "of: [Deposited, §Withdrawal]", "no event", "Withdrawn")]
#[case("of: [Deposited, Withdrawn]", "of: [Deposited, §Deposited, Withdrawn]", "twice", "")]
#[case("sum(state.balance)", "§max(state.balance)", "not yet", "")]
#[case("sum(state.balance)", "§avg(state.balance)", "a measure is", "count()")]
#[case("sum(state.balance)", "sum(§state.owner)", "", "")]
#[case(
    "group: { in_debt: state.balance < 0 }",
    "buckets: §0\n    group: { in_debt: state.balance < 0 }",
    "`buckets`",
    "1024"
)]
// quoting
#[case("rule: \"!state.frozen\"", "rule: §!state.frozen", "a YAML tag", "quotes")]
#[case("rule: input.overdraft >= 0", "rule: *§a", "", "")]
#[case("allow: \"actor.sub == state.owner\"", "allow: §{ a: b }", "single value", "quotes")]
#[case("rule: input.overdraft >= 0", "rule: §[1] == [1]", "", "")]
fn a_model_is_refused_at_its_place(
    #[case] from: &str,
    #[case] to: &str,
    #[case] message: &str,
    #[case] hint: &str,
) {
    let folder = Folder::accounts().replace(MODEL, from, to);
    if to.contains('§') && !message.is_empty() {
        return refused(folder, message, hint);
    }
    let mut folder = folder;
    folder.marks();
    assert!(!folder.errors().is_empty());
}

#[rstest]
#[case("rule: 'a' == 'b'", "ends at the next one")]
#[case("rule: input.overdraft > 0 ? true : false", "`: `")]
#[case("rule: \"a\" == input.owner", "ends at the next one")]
#[case("rule: size(input.owner # the name", "` #`")]
#[case("rule: [1][0] == 1", "quotes")]
#[case("rule: %5 == 1", "can't start with `%`")]
#[case("rule: @x", "can't start with `@`")]
#[case(
    "{ rule: input.owner in ['a'], code: c, message: m }\n      - rule: \"true\"",
    "as a mapping"
)]
#[case("rule: \"input.owner == rich\"", "the text would be 'rich'")]
fn typical_quoting_mistakes_are_explained(#[case] written: &str, #[case] hint: &str) {
    let folder = Folder::accounts().replace(MODEL, "rule: input.overdraft >= 0", written);
    let errors = folder.errors();
    let hinted = errors.iter().filter_map(|e| e.hint.as_deref()).any(|h| h.contains(hint));
    assert!(hinted, "{hint:?} is not in {errors:#?}");
}

#[test]
fn a_measure_that_a_comma_cuts_short_is_explained() {
    let cut = "{ some: sum(math.least(state.balance, 1)) }";
    let folder = Folder::accounts();
    let measures = folder.0[MODEL].lines().find_map(|line| line.trim().strip_prefix("measures: "));
    let measures = measures.expect("the accounts have a rollup").to_owned();
    let errors = folder.replace(MODEL, &measures, cut).errors();
    let hinted = errors.iter().filter_map(|e| e.hint.as_deref()).any(|h| h.contains("at `,`"));
    assert!(hinted, "{errors:#?}");
}

#[rstest]
#[case("accounts/notes.txt", "notes.txt", "")]
#[case("accounts/modle.yaml", "modle.yaml", "model.yaml")]
#[case("accounts/events/Paid.avsc", "Paid.avsc", "events/Paid/1.avsc")]
#[case("accounts/events/Withdrawn/two.avsc", "two.avsc", "1.avsc")]
#[case("accounts/events/Withdrawn/3.avsc", "version 2 of event `Withdrawn` is missing", "gaps")]
#[case("accounts/commands/x.json", "x.json", "*.avsc")]
#[case("accounts/tests/x.json", "x.json", "*.yaml")]
#[case("types/x.json", "x.json", "*.avsc")]
fn unknown_names_in_a_folder_are_refused(
    #[case] file: &str,
    #[case] message: &str,
    #[case] hint: &str,
) {
    let text = r#"{"type":"record","name":"Withdrawn","fields":[{"name":"amount","type":"long"}]}"#;
    let errors = Folder::accounts().with(file, text).errors();
    let found = errors.iter().any(|error| {
        error.message.contains(message) && error.hint.as_deref().unwrap_or("").contains(hint)
    });
    assert!(found, "{errors:#?}");
}

#[test]
fn a_state_field_without_default_must_be_set_by_whatever_can_come_first() {
    let folder = Folder::accounts()
        .replace(MODEL, "  AccountOpened:\n", "  §AccountOpened:\n")
        .replace(MODEL, "      overdraft: event.overdraft\n", "");
    refused(folder, "does not set `overdraft`", "state.avsc");
    let skipped = Folder::accounts()
        .replace(
            MODEL,
            "- event: AccountOpened\n",
            "- event: AccountOpened\n        when: input.overdraft > 0\n",
        )
        .replace(MODEL, "  Deposited: {", "  §Deposited: {");
    refused(skipped, "does not set `owner`", "");
    let read = Folder::accounts()
        .replace(MODEL, "  AccountOpened:\n", "  §AccountOpened:\n")
        .replace(MODEL, "overdraft: event.overdraft\n", "overdraft: state.overdraft + 1\n");
    refused(read, "reads `state.overdraft`", "default");
}

#[test]
fn a_nullable_column_is_no_key() {
    let nick = r#"{"name":"nick","type":["null","string"]}, {"name":"frozen""#;
    let view = "  by-nick:\n    key: [§nick]\n    fields: { nick: state.nick }\n  balances:";
    let folder = Folder::accounts().replace(STATE, r#"{"name":"frozen""#, nick).replace(
        MODEL,
        "  balances:",
        view,
    );
    refused(folder.clone(), "may be null", "state.nick != null");
    let fixed =
        folder.replace(MODEL, "    key: [§nick]", "    where: state.nick != null\n    key: [nick]");
    assert!(fixed.errors().is_empty(), "{:#?}", fixed.errors());
}

#[test]
fn a_version_that_cannot_be_read_is_refused_both_ways() {
    let version =
        |fields: &str| format!(r#"§{{"type":"record","name":"Withdrawn","fields":[{fields}]}}"#);
    let file = "accounts/events/Withdrawn/2.avsc";
    let amount = r#"{"name":"amount","type":"long"}"#;
    let new_field = version(&format!(r#"{amount},{{"name":"by","type":"string"}}"#));
    refused(Folder::accounts().with(file, &new_field), "can't read version 1", "upcast");
    let upcast = "Withdrawn: { upcast: { 1: { by: \"'nobody'\" } }, fold:";
    let lifted = Folder::accounts()
        .with(file, &new_field.replace('§', ""))
        .replace(MODEL, "Withdrawn: { fold:", upcast)
        .replace(MODEL, "- event: Withdrawn", "- { event: Withdrawn, with: { by: actor.sub } }");
    assert!(lifted.errors().is_empty(), "{:#?}", lifted.errors());
    let lost = version(r#"{"name":"sum","type":"long","default":0}"#);
    refused(Folder::accounts().with(file, &lost), "not yet upgraded", "upcast");
}

#[test]
fn a_record_must_be_named_as_its_place_says() {
    let file = "accounts/commands/Amount.avsc";
    let folder = Folder::accounts().replace(file, "\"Amount\"", "§\"Amnt\"");
    refused(folder, "named `Amnt`", "\"name\": \"Amount\"");
}

#[test]
fn names_are_unique_over_the_whole_folder() {
    let twin = |from: &str, to: &str| {
        let mut folder = Folder::accounts();
        let copies: Vec<_> = folder
            .0
            .iter()
            .map(|(file, text)| (file.replace("accounts/", "b/"), text.clone()))
            .collect();
        folder.0.extend(copies);
        let text = folder.0["b/model.yaml"].replace(from, to);
        folder.with("b/model.yaml", &text).errors()
    };
    let said = |what: &str| twin("x", "x").iter().any(|e| e.message.contains(what));
    assert!(said("aggregate `account` is there twice"));
    assert!(said("plural `accounts` is there twice"));
    assert!(said("view `balances` is there twice"));
}

#[test]
fn all_errors_come_at_once_and_in_order() {
    let mut folder = Folder::accounts()
        .replace(MODEL, "id: uuid", "id: §serial")
        .replace(MODEL, "code: frozen", "code: §not-found")
        .replace(MODEL, "key: [owner]", "key: [§ownr]")
        .replace("accounts/commands/Amount.avsc", "\"Amount\"", "§\"Amnt\"");
    let marks = folder.marks();
    let errors = folder.errors();
    let places: Vec<_> = errors
        .iter()
        .map(|e| (e.place.file.display().to_string(), e.place.line, e.place.column))
        .collect();
    assert!(marks.iter().all(|mark| places.contains(mark)), "{marks:?} {errors:#?}");
    assert!(places.is_sorted());
}

#[test]
fn a_folder_without_aggregates_and_a_missing_one_say_what_would_be_right() {
    let empty = Folder(Default::default()).with("x/readme.txt", "").errors();
    assert!(empty[0].hint.as_deref().unwrap_or("").contains("model.yaml"), "{empty:?}");
    let missing = foldline_model::Model::load(std::path::Path::new("/nowhere/at/all"));
    assert!(missing.expect_err("refused").0[0].message.contains("no such folder"));
}

#[test]
fn an_aggregate_without_a_state_is_refused() {
    let errors = Folder::accounts().without(STATE).errors();
    assert!(errors.iter().any(|e| e.message.contains("needs a state")), "{errors:?}");
}
