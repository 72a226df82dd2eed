//! Tickets: labels as rows, commands that change nothing, and a board ordered by three columns.

use anyhow::Result;
use foldline_tests::Served;
use serde_json::json;

use crate::support::{done, nothing, on_both_engines, position, refused, rows, state, types};

on_both_engines!("tests/domains" / "tickets":
    labels_come_and_go_one_event_each,
    work_moves_over_the_board,
);

async fn labels_come_and_go_one_event_each(world: &Served) -> Result<()> {
    let body = json!({"title": " it breaks ", "labels": ["ui", "bug", "ui"], "due": "2126-02-28"});
    let made = done(world, "/tickets/report", body).await?;
    let ticket = format!("/tickets/{}", made.json["id"].as_str().expect("an answer has an id"));
    let by_label = "/views/tickets-by-label?label=bug";
    let title = ["title", "others", "index"];
    let seen = rows(world, by_label, &position(&made), &title).await?;
    assert_eq!(seen[0][0], "it breaks");
    assert_eq!(seen[0][1], "ui");
    let same = done(world, &format!("{ticket}/label"), json!({"labels": ["ui"]})).await?;
    assert_eq!((types(&same).len(), &same.json["version"]), (0, &json!(1)));
    assert!(!position(&same).is_empty());
    let more = json!({"labels": ["db", "ui", "x y"]});
    let more = done(world, &format!("{ticket}/label"), more).await?;
    assert_eq!(types(&more), ["Labelled", "Labelled"]);
    let less = done(world, &format!("{ticket}/unlabel"), json!({"labels": ["bug", "no"]})).await?;
    assert_eq!(types(&less), ["Unlabelled"]);
    let at = position(&less);
    assert_eq!(rows(world, by_label, &at, &title).await?, json!([]));
    let spaced = rows(world, "/views/tickets-by-label?label=x+y", &at, &["others"]).await?;
    assert_eq!(spaced, json!([["ui,db"]]));
    let counts = rows(world, "/views/label-counts", &at, &["label", "tickets", "comments"]);
    assert_eq!(counts.await?, json!([["db", 1, 0], ["ui", 1, 0], ["x y", 1, 0]]));
    let due = rows(world, "/views/due-tickets?due.lt=2126-03-01", &at, &["due"]).await?;
    assert_eq!(due, json!([["2126-02-28"]]));
    let bad = json!({"title": "abc", "labels": ["Bug"]});
    refused(world, "/tickets/report", bad, (422, "bad-label")).await?;
    Ok(())
}

async fn work_moves_over_the_board(world: &Served) -> Result<()> {
    let mut tickets = Vec::new();
    for (title, priority) in [("one", "low"), ("two", "high"), ("three", "high")] {
        let made =
            done(world, "/tickets/report", json!({"title": title, "priority": priority})).await?;
        tickets.push(format!("/tickets/{}", made.json["id"].as_str().unwrap_or_default()));
    }
    let doing = json!({"stage": "doing"});
    let one = &tickets[0];
    refused(world, &format!("{one}/move"), doing.clone(), (409, "unassigned")).await?;
    done(world, &format!("{one}/assign"), json!({"assignee": "bob"})).await?;
    let same = json!({"assignee": "bob"});
    refused(world, &format!("{one}/assign"), same, (409, "same-assignee")).await?;
    done(world, &format!("{one}/comment"), json!({"text": "on it"})).await?;
    let moved = done(world, &format!("{one}/move"), doing).await?;
    let at = position(&moved);
    let board = rows(world, "/views/board?stage=backlog", &at, &["title"]).await?;
    assert_eq!(board, json!([["three"], ["two"]]), "the one that changed last comes first");
    let high = rows(world, "/views/board?stage=backlog&priority=low", &at, &["title"]).await?;
    assert_eq!(high, json!([]));
    let mine = rows(world, "/views/my-tickets?assignee=bob", &at, &["initial", "last_comment"]);
    let mine = mine.await?;
    assert_eq!((&mine[0][0], &mine[0][1]["text"]), (&json!("b"), &json!("on it")));
    let moves = rows(world, "/views/stage-moves?from=backlog&to=doing", &at, &["moves"]).await?;
    assert_eq!(moves, json!([[1]]));
    let told = rows(world, "/views/activity?limit=2", &at, &["what", "title"]).await?;
    assert_eq!(told, json!([["backlog to doing", "one"], ["on it", "one"]]));
    let field = format!("{one}/set-field");
    done(world, &field, json!({"name": "color", "value": "red"})).await?;
    done(world, &field, json!({"name": "size", "value": ""})).await?;
    let dropped = done(world, &field, json!({"name": "color"})).await?;
    assert_eq!(types(&dropped), ["FieldDropped"]);
    let seen = state(world, one, &position(&dropped)).await?;
    assert_eq!(seen["fields"], json!({"size": ""}));
    let gone = done(world, &format!("{one}/delete"), nothing()).await?;
    let last = "/views/activity?limit=1";
    let told = rows(world, last, &position(&gone), &["what", "title"]).await?;
    assert_eq!(told, json!([["gone", null]]));
    Ok(())
}
