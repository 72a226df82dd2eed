//! Whatever is written, nothing panics.

use foldline_model::expr::{Expr, Want};
use proptest::prelude::*;

use crate::support::*;

const WORDS: &[&str] = &[
    "state",
    ".",
    "balance",
    "rate",
    "total",
    "lines",
    "limit",
    "owner",
    "actor",
    "claims",
    "maybe",
    "now",
    "id",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    "&&",
    "||",
    "!",
    "==",
    "!=",
    "<",
    "+",
    "-",
    "*",
    "/",
    "%",
    " in ",
    "1",
    "0",
    "2.5",
    "'a'",
    "'open'",
    "null",
    "true",
    "Line{",
    "sku:",
    ".map(x,",
    ".all(l,",
    ".filter(x,",
    ".sortBy(x,",
    "x",
    "l",
    "has(",
    "size(",
    "sum(",
    "decimal('1.5')",
    "duration('1h')",
    "round(",
    "put(",
    "string(",
    "math.",
    "abs(",
    "'",
    "\"",
    "\\",
    "b'",
    "r'",
    "é",
    "0x",
    "u",
    "@",
    "`",
    "\n",
    ".?",
    "9223372036854775808",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(WORDS), 0..12).prop_map(|w| w.concat())
}

fn well_typed() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "state.balance",
        "1",
        "0",
        "-7",
        "9223372036854775807",
        "size(state.lines)",
        "sum(state.lines.map(l, l.qty))",
        "state.tags.x",
        "state.tags['z']",
        "int(state.total)",
        "int(state.rate)",
        "now.getHours()",
        "int(actor.claims.level)",
        "state.lines[5].qty",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]))
                .prop_map(|(a, b, op)| format!("({a} {op} {b})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} < {b} ? {b} : {c})")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("sum([{a}, {b}].filter(x, x > 0 || {b} > 1))")),
            inner.prop_map(|a| format!("math.abs({a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_panics(source in soup()) {
        if let Ok(expr) = compile(&source, &Want::Any) {
            let _ = expr.eval(&frame(), &mut Ids);
        }
    }

    #[test]
    fn no_random_characters_panic(source in "\\PC{0,40}") {
        let _ = compile(&source, &Want::Any);
    }

    #[test]
    fn no_evaluation_panics(source in well_typed()) {
        let Some(expr) = shallow(&source) else { return Ok(()) };
        let _ = expr.eval(&frame(), &mut Ids);
    }

    #[test]
    fn a_frame_of_other_types_is_an_error_not_a_panic(source in well_typed()) {
        let Some(expr) = shallow(&source) else { return Ok(()) };
        let _ = expr.eval(&[text("x")], &mut Ids);
    }
}

/// What is well typed compiles, unless its macros nest too deep.
pub fn shallow(source: &str) -> Option<Expr> {
    match compile(source, &Want::Any) {
        Ok(expr) => Some(expr),
        Err(errors) if errors.iter().all(|e| e.message.contains("2 deep")) => None,
        Err(errors) => panic!("{source}: {errors:?}"),
    }
}

#[test]
fn usual_texts_are_compiled_on_a_small_stack() {
    let brackets = "size([state.lines.map(l, l.qty)[0]]) > 1".to_owned();
    let chain = "1 + ".repeat(24) + "1 > 2";
    for source in [brackets, chain] {
        let small = std::thread::Builder::new().stack_size(1 << 20);
        small
            .spawn(move || assert!(compile(&source, &Want::Bool).is_ok()))
            .unwrap()
            .join()
            .unwrap();
    }
}

#[test]
fn the_deepest_texts_that_pass_need_little_stack() {
    let brackets = "(".repeat(60) + "1" + &")".repeat(60);
    let lists = "size([".repeat(25) + "1" + &"])".repeat(25);
    let choices = "state.ok ? (".repeat(60) + "1" + &") : 2".repeat(60);
    let sums = "state.balance * 2 - ".repeat(70) + "1";
    let nots = "!(".repeat(60) + "state.ok" + &")".repeat(60);
    for source in [brackets, lists, choices, sums, nots] {
        let expr = compile(&source, &Want::Any).unwrap_or_else(|e| panic!("{source}: {e:?}"));
        assert!(expr.eval(&frame(), &mut Ids).is_ok(), "{source}");
    }
}

#[test]
fn deep_texts_are_refused_before_they_are_parsed() {
    for source in [
        "(".repeat(5_000),
        "[".repeat(1_000),
        "!".repeat(9_000) + "true",
        "-".repeat(9_000) + "1",
        "1+".repeat(5_000) + "1",
        "state".to_owned() + &".a".repeat(5_000),
        "true?".repeat(1_000),
        "true&&".repeat(2_000) + "true)",
        "r'\\' + ".to_owned() + &"1+".repeat(5_000) + "1",
        "size(".repeat(80) + "1" + &")".repeat(80),
    ] {
        assert!(compile(&source, &Want::Any).is_err(), "{}", &source[..20]);
    }
}
