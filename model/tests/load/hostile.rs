//! Arbitrary text never panics and always ends.

use proptest::prelude::*;

use crate::folder::Folder;

const MODEL: &str = "accounts/model.yaml";

fn mutated(text: &str, at: usize, cut: usize, put: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = at % (chars.len() + 1);
    let end = (at + cut).min(chars.len());
    let head: String = chars[..at].iter().collect();
    let tail: String = chars[end..].iter().collect();
    format!("{head}{put}{tail}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_text_as_a_model_is_loaded_or_refused(text in "\\PC{0,200}") {
        let _ = Folder::accounts().with(MODEL, &text).load();
    }

    #[test]
    fn any_text_as_a_schema_is_loaded_or_refused(text in "\\PC{0,200}") {
        let _ = Folder::accounts().with("accounts/state.avsc", &text).load();
    }

    #[test]
    fn a_model_changed_anywhere_is_loaded_or_refused(
        at in 0_usize..10_000, cut in 0_usize..40, put in "[ -~\n\t§]{0,12}",
    ) {
        let folder = Folder::accounts();
        let text = mutated(&folder.0[MODEL], at, cut, &put);
        let _ = folder.with(MODEL, &text).load();
    }

    #[test]
    fn a_schema_changed_anywhere_is_loaded_or_refused(
        at in 0_usize..1_000, cut in 0_usize..20, put in "[ -~\n]{0,8}",
    ) {
        let folder = Folder::accounts();
        let text = mutated(&folder.0["accounts/state.avsc"], at, cut, &put);
        let _ = folder.with("accounts/state.avsc", &text).load();
    }
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[".repeat(100_000), "- ".repeat(50_000), "a: {".repeat(20_000), "(".repeat(9_000)]
    {
        assert!(!Folder::accounts().with(MODEL, &text).errors().is_empty());
    }
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = "a0: &a0 [x, x]\n".to_owned();
    for n in 1..40 {
        text += &format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1);
    }
    assert!(!Folder::accounts().with(MODEL, &text).errors().is_empty());
}

#[test]
fn no_text_at_all_is_refused() {
    for text in ["", "\n", "---\n", "# only a comment\n", "\u{feff}"] {
        assert!(!Folder::accounts().with(MODEL, text).errors().is_empty(), "{text:?}");
    }
}
