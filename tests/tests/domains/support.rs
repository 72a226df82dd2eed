//! A world on the five domains, and short ways to ask and to expect.

use anyhow::{Context, Result, ensure};
use foldline_tests::{Answer, World, read, repository};
use serde_json::{Value, json};

/// The five domains, served.
pub fn world() -> Result<World> {
    World::start(repository("tests/domains"))
}

/// Sends a command that must succeed.
pub async fn done(world: &World, path: &str, body: Value) -> Result<Answer> {
    let answer = world.post(path, &body).await?;
    ensure!(matches!(answer.status, 200 | 201), "{path} with {body} was answered {answer:?}");
    Ok(answer)
}

/// Sends a command that must be refused with this status and code.
pub async fn refused(
    world: &World,
    path: &str,
    body: Value,
    (status, code): (u16, &str),
) -> Result<Answer> {
    let answer = world.post(path, &body).await?;
    let told = (answer.status, answer.json["code"].as_str());
    ensure!(told == (status, Some(code)), "{path} with {body} was answered {answer:?}");
    ensure!(answer.json["type"] == format!("urn:foldline:{code}"), "{answer:?}");
    Ok(answer)
}

/// The answer's position.
pub fn position(answer: &Answer) -> String {
    answer.header("foldline-position").unwrap_or_default().to_owned()
}

/// The types of the events that an answer tells of.
pub fn types(answer: &Answer) -> Vec<&str> {
    let events = answer.json["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

/// A view's rows, no older than a position, cut to some of their members.
pub async fn rows(world: &World, path: &str, at: &str, columns: &[&str]) -> Result<Value> {
    let answer = world.get_at(path, at).await?;
    ensure!(answer.status == 200, "{path} was answered {answer:?}");
    let items = answer.json["items"].as_array().context("a view answers items")?;
    let cut = |row: &Value| columns.iter().map(|name| row[*name].clone()).collect::<Value>();
    Ok(items.iter().map(cut).collect())
}

/// A state, no older than a position.
pub async fn state(world: &World, path: &str, at: &str) -> Result<Value> {
    let answer = world.get_at(path, at).await?;
    ensure!(answer.status == 200, "{path} was answered {answer:?}");
    Ok(answer.json["state"].clone())
}

/// Sends a command with a header.
pub async fn post_with(
    world: &World,
    path: &str,
    header: (&str, &str),
    body: &Value,
) -> Result<Answer> {
    read(world.client().post(world.url(path)).header(header.0, header.1).json(body)).await
}

/// Sends NDJSON lines to `/commands` and reads the lines of the answer.
pub async fn lines(world: &World, lines: &[Value]) -> Result<Vec<Value>> {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let request = world.client().post(world.url("/commands"));
    let answer = request.header("Content-Type", "application/x-ndjson").body(body).send().await?;
    ensure!(answer.status() == 200, "/commands was answered {answer:?}");
    let text = answer.text().await?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// Recomputes everything from the log, which must find no difference.
pub fn verified(world: &World) -> Result<()> {
    let output = world.foldline(&["verify"])?;
    ensure!(output.status.success(), "verify found differences: {output:?}");
    Ok(())
}

/// Sends many commands at once and counts the answers by status and code.
pub async fn race(
    world: &World,
    commands: impl IntoIterator<Item = (String, Value)>,
) -> Result<Vec<(u16, String)>> {
    let asked = commands.into_iter().map(async |(path, body)| {
        let answer = world.post(&path, &body).await?;
        let code = answer.json["code"].as_str().unwrap_or_default().to_owned();
        Ok::<_, anyhow::Error>((answer.status, code))
    });
    futures::future::try_join_all(asked).await
}

/// How many answers of a race were this one.
pub fn count(answers: &[(u16, String)], status: u16, code: &str) -> usize {
    answers.iter().filter(|answer| (answer.0, answer.1.as_str()) == (status, code)).count()
}

/// An empty input.
pub fn nothing() -> Value {
    json!({})
}
