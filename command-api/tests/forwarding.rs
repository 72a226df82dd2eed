//! A call whose partition another instance owns is passed on to it: whole, and once.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use event_log::{Membership, PartitionId};
use support::World;
use support::log::FakeLog;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A member that owns nothing: all is one other's.
struct Elsewhere {
    none: watch::Sender<Arc<BTreeSet<PartitionId>>>,
    owner: Arc<str>,
}

#[async_trait]
impl Membership for Elsewhere {
    fn assigned(&self) -> watch::Receiver<Arc<BTreeSet<PartitionId>>> {
        self.none.subscribe()
    }

    async fn still_assigned(&self, _: &PartitionId) -> bool {
        false
    }

    fn owner(&self, _: &PartitionId) -> Option<Arc<str>> {
        Some(self.owner.clone())
    }

    async fn leave(&self) {}
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\netag: \"8\"\r\n\
                     foldline-position: p\r\nidempotency-replayed: true\r\nserver: other\r\n\
                     content-length: 2\r\n\r\n{}";

/// An instance, and the owner beside it, which answers one call with this text; what it was sent
/// is told in lower case.
async fn beside(answer: &'static str) -> (World, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let owner = format!("http://{}", listener.local_addr().unwrap()).into();
    let elsewhere = Elsewhere { none: watch::Sender::new(Arc::default()), owner };
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let heard = request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        heard
    });
    (World::member(FakeLog::new(), Arc::new(elsewhere)), heard)
}

/// Reads a request to the end of its body.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.unwrap();
        assert!(length > 0, "it ends early: {text}");
        text.push_str(&String::from_utf8_lossy(&piece[..length]).to_lowercase());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

#[actix_web::test]
async fn the_owner_gets_the_whole_call_and_the_caller_its_answer() {
    let (world, heard) = beside(TAKEN).await;
    let headers = [
        ("idempotency-key", "k-1"),
        ("if-match", "\"7\""),
        ("authorization", "bearer t"),
        ("cookie", "not the owner's"),
    ];
    let answer = world.call("/accounts/a%40b/withdraw?dry_run=true", &headers, "{\"amount\":4}");
    let answer = answer.await;
    let heard = heard.await.unwrap();
    assert!(
        heard.starts_with("post /accounts/a%40b/withdraw?dry_run=true http/1.1\r\n"),
        "{heard}"
    );
    assert!(heard.ends_with("\r\n\r\n{\"amount\":4}"), "{heard}");
    for (name, value) in [&headers[..3], &[("foldline-forwarded", "1")]].concat() {
        assert!(heard.contains(&format!("\r\n{name}: {value}\r\n")), "{name}: {heard}");
    }
    assert!(!heard.contains("cookie"), "{heard}");
    assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
    let returned = ["etag", "foldline-position", "idempotency-replayed", "server"];
    let returned = returned.map(|name| answer.header(name));
    assert_eq!(returned, [Some("\"8\""), Some("p"), Some("true"), None]);
    assert!(world.log.records().is_empty(), "nothing was decided here");
}

#[actix_web::test]
async fn an_id_that_was_made_is_passed_on_with_the_query() {
    let (world, heard) = beside(TAKEN).await;
    world.post("/tickets/issue?dry_run=true", r#"{"title":"x"}"#).await;
    let heard = heard.await.unwrap();
    let id = heard.strip_prefix("post /tickets/").unwrap().split('/').next().unwrap();
    assert!(uuid::Uuid::parse_str(id).is_ok(), "{heard}");
    assert!(heard.contains(&format!("/{id}/issue?dry_run=true http/1.1\r\n")), "{heard}");
}

#[actix_web::test]
async fn what_was_passed_on_is_never_passed_on_again() {
    let (world, heard) = beside(TAKEN).await;
    let forwarded = [("foldline-forwarded", "1")];
    let answer = world.call("/accounts/a/open", &forwarded, "{}").await;
    assert_eq!(answer.brief(), (503, "unavailable".to_owned()), "{}", answer.text);
    assert_eq!(answer.header("foldline-forwarded"), Some("refused"), "whoever sent it may look");
    assert!(!heard.is_finished());
    heard.abort();
}

#[actix_web::test]
async fn what_breaks_off_has_an_unknown_outcome() {
    let (world, heard) = beside("").await;
    let answer = world.post("/accounts/a/open", "{}").await;
    assert_eq!(answer.brief(), (503, "outcome-unknown".to_owned()), "{}", answer.text);
    heard.await.unwrap();
}

#[rstest::rstest]
#[case::as_it_stands("")]
#[case::with_a_slash("/")]
#[actix_web::test]
async fn what_an_old_word_says_to_be_its_own_is_never_passed_on_to_itself(#[case] end: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let owner = format!("{url}{end}").into();
    let elsewhere = Arc::new(Elsewhere { none: watch::Sender::new(Arc::default()), owner });
    let world = World::member_at(&url, FakeLog::new(), elsewhere);
    assert!(world.api.ready().is_err(), "nobody has the partition");
    let mut post = std::pin::pin!(world.post("/accounts/a/open", "{}"));
    let answer = tokio::select! {
        answer = &mut post => answer,
        _ = listener.accept() => panic!("it asks itself"),
    };
    assert_eq!(answer.brief(), (503, "unavailable".to_owned()), "{}", answer.text);
}
