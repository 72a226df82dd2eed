//! Errors inside expressions point at the character, however YAML wrote it.

use rstest::rstest;

use crate::folder::Folder;

#[rstest]
#[case::plain("rule: input.§wrong > 0")]
#[case::single_quoted("rule: '''its'' == ''x'' || input.§wrong > 0'")]
#[case::double_quoted(r#"rule: "\"é\" == \"\u00e9\" || input.§wrong > 0""#)]
#[case::plain_folded("rule: input.overdraft >= 0 &&\n          input.§wrong > 0")]
#[case::double_folded("rule: \"input.overdraft >= 0 &&\n\n          input.§wrong > 0\"")]
#[case::literal("rule: |\n          input.overdraft >= 0 &&\n            input.§wrong > 0")]
#[case::folded("rule: >-\n          input.overdraft >= 0 &&\n          input.§wrong > 0")]
fn an_error_points_at_its_character(#[case] written: &str) {
    let mut folder =
        Folder::accounts().replace("accounts/model.yaml", "rule: input.overdraft >= 0", written);
    let marks = folder.marks();
    let errors = folder.errors();
    let places: Vec<_> = errors
        .iter()
        .map(|e| (e.place.file.display().to_string(), e.place.line, e.place.column))
        .collect();
    let found = format!("{errors:#?}");
    let (file, line, column) = marks[0].clone();
    // The checker may point at the field or at the `.` before it.
    let near =
        |(f, l, c): &(String, u32, u32)| *f == file && *l == line && column.abs_diff(*c) <= 6;
    assert!(places.iter().any(near), "{marks:?} {found}");
}
