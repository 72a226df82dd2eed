//! Where the language is plain CEL, the parser's own interpreter must agree, failures included.

use cel::{Context, Program, Value as Cel};
use foldline_model::Value;
use proptest::prelude::*;

use crate::properties::shallow;
use crate::support::*;

/// On a large stack: their parser takes a lot of it.
fn theirs(source: &str) -> Option<Value> {
    std::thread::scope(|scope| {
        let large = std::thread::Builder::new().stack_size(64 << 20);
        large.spawn_scoped(scope, || run_theirs(source)).unwrap().join().unwrap()
    })
}

fn run_theirs(source: &str) -> Option<Value> {
    let program = Program::compile(source).unwrap();
    plain(&program.execute(&Context::default()).ok()?)
}

fn plain(value: &Cel) -> Option<Value> {
    Some(match value {
        Cel::Bool(b) => Value::Bool(*b),
        Cel::Int(i) => Value::Int(*i),
        Cel::Float(d) => Value::Double(*d),
        Cel::String(s) => text(s),
        Cel::List(items) => list(items.iter().map(plain).collect::<Option<Vec<_>>>()?),
        _ => return None,
    })
}

fn number() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "0",
        "1",
        "-3",
        "7",
        "size('héllo')",
        "9223372036854775807",
        "[4, 5][1]",
        "[1][3]",
        "int('12')",
        "int('x')",
        "size([1, 2])",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]))
                .prop_map(|(a, b, op)| format!("({a} {op} {b})")),
            (condition(inner.clone().boxed()), inner.clone(), inner)
                .prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
        ]
    })
}

fn condition(number: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let order = prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let leaf = prop_oneof![
        (number.clone(), number.clone(), order).prop_map(|(a, b, op)| format!("({a} {op} {b})")),
        number.clone().prop_map(|a| format!("({a} in [1, 7, 5])")),
        (number.clone(), prop::sample::select(vec!["all", "exists", "exists_one"]))
            .prop_map(|(a, name)| format!("[0, 2, 7].{name}(x, 14 / x > {a})")),
        Just("'abc'.startsWith('ab')".to_owned()),
    ];
    leaf.prop_recursive(2, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn agree(source: &str) {
    if let Some(expr) = shallow(source) {
        assert_eq!(expr.eval(&frame(), &mut Ids).ok(), theirs(source), "{source}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn numbers_agree(source in number()) {
        agree(&source);
    }

    #[test]
    fn conditions_agree(source in condition(number().boxed())) {
        agree(&source);
    }

    #[test]
    fn lists_agree(a in number(), b in number()) {
        agree(&format!("[{a}, 3, {b}].filter(x, x > 1).map(x, x * 2)"));
        agree(&format!("[{a}, 3].map(x, x > {b}, x - 1)"));
    }
}
