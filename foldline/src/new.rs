//! `foldline new NAME`: a small working aggregate folder to start from.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Writes `<schemas>/<plural>/` and returns the files written, relative to `schemas`.
pub fn write(schemas: &Path, name: &str) -> Result<Vec<String>> {
    check_name(name)?;
    let plural = plural_of(name);
    let folder = schemas.join(&plural);
    if folder.exists() {
        bail!("{} exists already: choose another name, or remove it first", folder.display());
    }
    let names = Names { name, plural: &plural, pascal: &pascal_of(name) };
    let mut written = Vec::new();
    for (path, text) in files(&names) {
        let target = folder.join(&path);
        let parent = target.parent().context("a file without a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("can't create {}", parent.display()))?;
        fs::write(&target, text).with_context(|| format!("can't write {}", target.display()))?;
        written.push(format!("{plural}/{path}"));
    }
    Ok(written)
}

struct Names<'a> {
    name: &'a str,
    plural: &'a str,
    pascal: &'a str,
}

fn check_name(name: &str) -> Result<()> {
    let shape = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    if name.len() > 39
        || !starts
        || !name.chars().all(shape)
        || name.ends_with('-')
        || name.contains("--")
    {
        bail!(
            "a name is kebab-case with at most 39 letters, such as `parcel` or `gift-card`; `{name}` is not"
        );
    }
    Ok(())
}

fn plural_of(name: &str) -> String {
    match name.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if name.ends_with(['s', 'x', 'z']) || name.ends_with("ch") || name.ends_with("sh") => {
            format!("{name}es")
        }
        _ => format!("{name}s"),
    }
}

fn pascal_of(name: &str) -> String {
    name.split('-')
        .flat_map(|part| {
            let mut letters = part.chars();
            letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}

fn files(names: &Names<'_>) -> Vec<(String, String)> {
    let Names { pascal, .. } = names;
    let title = r#"{ "name": "title", "type": "string" }"#;
    let time = r#"{ "name": "at", "type": { "type": "long", "logicalType": "timestamp-millis" } }"#;
    vec![
        ("model.yaml".into(), model(names)),
        (format!("commands/Create{pascal}.avsc"), record(&format!("Create{pascal}"), &[title])),
        (format!("commands/Rename{pascal}.avsc"), record(&format!("Rename{pascal}"), &[title])),
        (
            format!("events/{pascal}Created/1.avsc"),
            record(&format!("{pascal}Created"), &[title, time]),
        ),
        (format!("events/{pascal}Renamed/1.avsc"), record(&format!("{pascal}Renamed"), &[title])),
        (format!("events/{pascal}Removed/1.avsc"), record(&format!("{pascal}Removed"), &[])),
        (
            "state.avsc".into(),
            record(
                pascal,
                &[
                    r#"{ "name": "title", "type": "string", "default": "" }"#,
                    r#"{ "name": "created_at", "type": { "type": "long", "logicalType": "timestamp-millis" } }"#,
                ],
            ),
        ),
        (format!("tests/{}.yaml", names.plural), tests(names)),
    ]
}

fn record(name: &str, fields: &[&str]) -> String {
    let fields = match fields {
        [] => "[]".to_owned(),
        some => format!("[\n    {}\n  ]", some.join(",\n    ")),
    };
    format!("{{\n  \"type\": \"record\",\n  \"name\": \"{name}\",\n  \"fields\": {fields}\n}}\n")
}

fn model(Names { name, plural, pascal }: &Names<'_>) -> String {
    format!(
        r#"foldline: 1
aggregate: {name}
plural: {plural}
id: uuid

commands:
  create: # POST /{plural}/create
    input: Create{pascal}
    on: new
    require:
      - rule: "input.title.trim() != ''"
        code: no-title
        message: "a title is needed"
    emit:
      - event: {pascal}Created
        with: {{ at: now }}

  rename: # POST /{plural}/{{id}}/rename
    input: Rename{pascal}
    require:
      - rule: "input.title.trim() != ''"
        code: no-title
        message: "a title is needed"
    emit:
      - event: {pascal}Renamed
        when: "input.title != state.title" # the same title again changes nothing

  remove: # POST /{plural}/{{id}}/remove
    emit:
      - event: {pascal}Removed

events:
  {pascal}Created:
    fold: {{ title: event.title, created_at: event.at }}
  {pascal}Renamed:
    fold: {{ title: event.title }}
  {pascal}Removed: {{ delete: true }}

views:
  all-{plural}: # GET /views/all-{plural}
    sort: [-created_at]
    fields: {{ title: state.title, created_at: state.created_at }}
"#
    )
}

fn tests(Names { plural, pascal, .. }: &Names<'_>) -> String {
    format!(
        r#"- name: a new one is listed
  when: {{ command: create, input: {{ title: First }}, now: "2026-11-21T10:00:00Z" }}
  then:
    events: [{{ type: {pascal}Created, data: {{ title: First }} }}]
    views: {{ all-{plural}: [{{ title: First, created_at: "2026-11-21T10:00:00Z" }}] }}

- name: a title is needed
  when: {{ command: create, input: {{ title: " " }} }}
  then: {{ rejected: no-title }}

- name: renaming to the same title changes nothing
  given:
    - {{ event: {pascal}Created, data: {{ title: First, at: "2026-11-21T10:00:00Z" }} }}
  when: {{ command: rename, input: {{ title: First }} }}
  then: {{ events: [] }}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_loads_and_passes_its_own_tests() {
        for name in ["parcel", "gift-card", "category", "box"] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), name).unwrap();
            let model =
                model::Model::load(folder.path()).unwrap_or_else(|errors| panic!("{errors}"));
            let outcomes = model::given::run(&model, folder.path()).unwrap();
            assert_eq!(outcomes.len(), 3);
            for outcome in outcomes {
                assert_eq!(outcome.failure, None, "{}", outcome.name);
            }
        }
    }

    #[test]
    fn an_existing_folder_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "parcel").unwrap();
        let again = write(folder.path(), "parcel").unwrap_err();
        assert!(again.to_string().contains("exists already"));
    }

    #[test]
    fn a_name_that_is_no_kebab_case_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["Parcel", "", "9lives", "a--b", "a-", "../up"] {
            assert!(write(folder.path(), name).is_err(), "{name}");
        }
    }
}
