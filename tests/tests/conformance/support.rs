//! Running a case on both engines, and short ways to ask and to expect.

use anyhow::{Context, Result, ensure};
use foldline_tests::{Answer, Served};
use serde_json::{Value, json};

/// Makes two tests of each case, a function of a served domain: one on each engine. After it, the tables
/// must say what the log says.
macro_rules! on_both_engines {
    ($folder:literal / $domain:literal: $($case:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() -> anyhow::Result<()> {
                let served = foldline_tests::Engine::Sqlite.serve($folder, $domain).await?;
                super::$case(&served).await?;
                served.verify()
            })+
        }
        mod on_kafka_and_cql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() -> anyhow::Result<()> {
                let served = foldline_tests::Engine::KafkaAndCql.serve($folder, $domain).await?;
                super::$case(&served).await?;
                served.verify()
            })+
        }
    };
}
pub(crate) use on_both_engines;

/// Sends a command that must succeed.
pub async fn done(world: &Served, path: &str, body: Value) -> Result<Answer> {
    let answer = world.post(path, &body).await?;
    ensure!(matches!(answer.status, 200 | 201), "{path} with {body} was answered {answer:?}");
    Ok(answer)
}

/// Sends a command that must be refused with this status and code.
pub async fn refused(
    world: &Served,
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
pub async fn rows(world: &Served, path: &str, at: &str, columns: &[&str]) -> Result<Value> {
    let answer = world.get_at(path, at).await?;
    ensure!(answer.status == 200, "{path} was answered {answer:?}");
    let items = answer.json["items"].as_array().context("a view answers items")?;
    let cut = |row: &Value| columns.iter().map(|name| row[*name].clone()).collect::<Value>();
    Ok(items.iter().map(cut).collect())
}

/// A state, no older than a position.
pub async fn state(world: &Served, path: &str, at: &str) -> Result<Value> {
    let answer = world.get_at(path, at).await?;
    ensure!(answer.status == 200, "{path} was answered {answer:?}");
    Ok(answer.json["state"].clone())
}

/// Sends many commands at once and counts the answers by status and code.
pub async fn race(
    world: &Served,
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
