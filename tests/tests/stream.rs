//! A long stream of commands over a real socket.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use foldline_tests::{World, order, repository};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const LINES: u64 = 100_000;
/// One line in so many is a command that succeeds; the others are refused.
const EACH: u64 = 20;
const MIB: u64 = 1 << 20;

fn line(number: u64) -> String {
    let command = match number % EACH {
        0 => json!({"aggregate": "order", "command": "place", "input": order(number)}),
        1 => json!({"aggregate": "order", "command": "place", "input": {"customer": 7}}),
        2 => json!({"aggregate": "order", "command": "fly"}),
        3 => return "{\"aggregate\": \n".to_owned(),
        _ => json!({"aggregate": "ship"}),
    };
    format!("{command}\n")
}

fn status(number: u64) -> u64 {
    match number % EACH {
        0 => 201,
        1 => 422,
        3 => 400,
        _ => 404,
    }
}

async fn begin(world: &World) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(world.address()).await?;
    let head = "POST /commands HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
                Content-Type: application/x-ndjson\r\nConnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).await?;
    Ok(socket)
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// The body of a chunked answer, piece by piece, as lines.
async fn lines_of(
    answer: impl tokio::io::AsyncRead + Unpin,
    mut each: impl FnMut(Value) -> Result<()>,
) -> Result<()> {
    let mut answer = BufReader::new(answer);
    let (mut head, mut rest) = (String::new(), Vec::new());
    while answer.read_line(&mut head).await? > 2 {}
    ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
    loop {
        let mut size = String::new();
        answer.read_line(&mut size).await?;
        let size = usize::from_str_radix(size.trim(), 16).context("no chunk")?;
        let mut piece = vec![0; size + 2];
        answer.read_exact(&mut piece).await?;
        rest.extend_from_slice(&piece[..size]);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            each(serde_json::from_slice(&line)?)?;
        }
        if size == 0 {
            return Ok(());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_lines_are_answered_in_order_in_little_memory() -> Result<()> {
    let world = World::start(repository("schemas"))?;
    let before = world.peak_memory()?;
    let (answer, mut body) = begin(&world).await?.into_split();
    let writing = tokio::spawn(async move {
        for first in (1..=LINES).step_by(500) {
            let text: String = (first..(first + 500).min(LINES + 1)).map(line).collect();
            body.write_all(chunk(&text).as_bytes()).await?;
        }
        body.write_all(b"0\r\n\r\n").await?;
        // The half that writes must outlive the answer.
        Ok::<_, anyhow::Error>(body)
    });
    let mut count = 0;
    lines_of(answer, |answered| {
        count += 1;
        ensure!(answered["line"] == count, "line {count} was answered by {answered}");
        ensure!(answered["status"] == status(count), "{answered}");
        Ok(())
    })
    .await?;
    writing.await??;
    ensure!(count == LINES, "{count} answers");
    let grown = world.peak_memory()?.saturating_sub(before);
    ensure!(grown < 128 * MIB, "the stream took {} MiB", grown / MIB);
    let written = world.events().await?.len() as u64;
    ensure!(written == LINES / EACH, "{written} events");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_answers_is_not_read() -> Result<()> {
    let world = World::start(repository("schemas"))?;
    let mut socket = begin(&world).await?;
    let text: String = (0..2_000).map(|_| "{\"aggregate\": \"ship\"}\n").collect();
    let text = chunk(&text);
    let mut sent = 0;
    // The kernel's buffers on both ways take some; then nothing moves any more.
    while let Ok(written) =
        tokio::time::timeout(Duration::from_secs(3), socket.write_all(text.as_bytes())).await
    {
        written?;
        sent += text.len() as u64;
        ensure!(sent < 64 * MIB, "it reads on and on");
    }
    let placed = world.post("/orders/place", &order(1)).await?;
    ensure!(placed.status == 201, "others are held up: {placed:?}");
    ensure!(world.peak_memory()? < 512 * MIB, "what is not answered is kept");
    Ok(())
}
