//! A domain on the real log, the real projector and the real store, with a query API in front.
#![allow(dead_code, clippy::unwrap_used, reason = "helpers of tests, of which each uses a part")]

pub mod flaky;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use actix_web::{HttpResponse, http::header::HeaderMap};
use event_log::log::NewCommand;
use event_log::sqlite::SqliteLog;
use event_log::{Appender, Log};
use flaky::Flaky;
use foldline_query_api::{QueryApi, QueryConfig};
use model::Model;
use projector::{Config, Projector, StatusHandle};
use read_store::sqlite::SqliteStore;
use read_store::{Position, Reader};
use serde_json::{Value as Json, json};
use service::{Front, Origins};
use tokio::sync::watch;

/// What tests write and ask.
pub struct World {
    pub front: Front,
    pub store: Arc<Flaky>,
    model: Arc<Model>,
    log: Arc<dyn Log>,
    appender: Box<dyn Appender>,
    status: StatusHandle,
    last: i64,
    _stop: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// Whether the body ended before its end.
    pub broken: bool,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn code(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    pub fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }

    pub fn items(&self) -> Vec<Json> {
        let items = self.json()["items"].as_array().cloned();
        items.unwrap_or_else(|| panic!("no items: {self:?}"))
    }
}

/// The domain, with a view more.
pub fn model_with(views: &str) -> Result<Arc<Model>, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/domains/shelf");
    let folder = tempfile::tempdir().unwrap();
    copy(&source, folder.path());
    let file = folder.path().join("items/model.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + views).unwrap();
    Model::load(folder.path()).map(Arc::new).map_err(|errors| errors.to_string())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// An item with defaults.
pub fn item(changes: Json) -> Json {
    let mut item = json!({
        "owner": "ann", "color": "red", "size": 1, "weight": "1.00", "since": "2026-11-21",
        "tags": [], "box": null, "note": null,
    });
    item.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    item
}

impl World {
    /// Keeps no answers.
    pub async fn new() -> World {
        World::with(Duration::ZERO, model_with("").unwrap()).await
    }

    /// Keeps answers for longer than a test takes.
    pub async fn keeping() -> World {
        World::with(Duration::from_secs(600), model_with("").unwrap()).await
    }

    pub async fn with(cache_max_age: Duration, model: Arc<Model>) -> World {
        let folder = tempfile::tempdir().unwrap();
        let log: Arc<dyn Log> = Arc::new(SqliteLog::open(folder.path()).unwrap());
        let appender = log.claim(&log.partitions()[0], "").await.unwrap();
        let (reader, mut writer) = SqliteStore::open(folder.path()).unwrap();
        let reader: Arc<dyn Reader> = reader;
        let told = &mut |_, _| {};
        projector::generation::prepare(&model, &log, &mut writer, &reader, told).await.unwrap();
        let (log_, reader_) = (Arc::clone(&log), Arc::clone(&reader));
        let config = Config::default();
        let projector = Projector::new(model.clone(), log_, reader_, Box::new(writer), config);
        let status = projector.status_handle();
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(projector.run(stopping));
        let store = Arc::new(Flaky::new(reader));
        let config = QueryConfig { cache_max_age, ..QueryConfig::default() };
        let front = front(&model, &store, config);
        World { front, store, model, log, appender, status, last: -1, _stop: stop, _folder: folder }
    }

    /// Appends one event and does not wait for the projector.
    pub async fn append(&mut self, id: &str, version: u64, event: &str, data: &Json) {
        self.append_times(1, (id, version), event, data).await;
    }

    /// Appends the same event so many times, from a version on.
    pub async fn append_times(
        &mut self,
        count: usize,
        (id, version): (&str, u64),
        event: &str,
        data: &Json,
    ) {
        let aggregate = self.model.aggregate("item").unwrap();
        let (index, kind) = aggregate.event(event).unwrap();
        let data = aggregate.write_event(index, &kind.shape.from_json(data).unwrap());
        let command = NewCommand {
            aggregate: "item".into(),
            id: id.into(),
            time: 1_780_000_000_000 + i64::try_from(version).unwrap(),
            first_version: version,
            events: vec![(event.into(), data); count],
            command: None,
            traceparent: None,
        };
        let appended = self.appender.append(vec![command]).await.unwrap();
        self.last = appended.last[0].0;
    }

    /// Appends a first event and waits until it is projected.
    pub async fn put(&mut self, id: &str, changes: Json) {
        self.append(id, 1, "ItemPut", &item(changes)).await;
        self.settle().await;
    }

    /// Waits until all that was appended is projected.
    pub async fn settle(&self) {
        while self.status.get().partitions.first().is_none_or(|p| p.mark < self.last) {
            self.store.inner.marks_moved().await;
        }
    }

    pub async fn get(&self, path: &str) -> Seen {
        self.ask(Method::GET, path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Seen {
        self.ask(Method::GET, path, headers).await
    }

    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Seen {
        read(self.answer(method, path, headers).await).await
    }

    pub async fn answer(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> HttpResponse {
        let mut request = TestRequest::default().method(method).uri(path);
        for header in headers {
            request = request.insert_header(*header);
        }
        let (request, payload) = request.to_http_parts();
        self.front.answer(request, payload).await
    }

    /// All items of a list, page by page.
    pub async fn walk(&self, path: &str, limits: &[usize]) -> Vec<Json> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        let sign = if path.contains('?') { '&' } else { '?' };
        for limit in limits.iter().cycle() {
            let seen = self.get(&format!("{path}{sign}limit={limit}{cursor}")).await;
            assert_eq!(seen.status, 200, "{seen:?}");
            let items = seen.items();
            assert!(items.len() <= *limit);
            let next = seen.json()["next"].as_str().map(str::to_owned);
            assert!(next.is_none() || items.len() == *limit, "a page in between is full");
            all.extend(items);
            match next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        all
    }

    /// The position that covers this offset.
    pub fn position(&self, offset: i64) -> String {
        let mut position = Position::start(self.log.stream());
        position.cover(&("log".into(), 0), offset);
        position.to_text()
    }

    /// Offset of the last event.
    pub fn last(&self) -> i64 {
        self.last
    }

    pub fn stream(&self) -> uuid::Uuid {
        self.log.stream()
    }
}

/// A front with nothing but a query API.
pub fn front(model: &Arc<Model>, store: &Arc<Flaky>, config: QueryConfig) -> Front {
    let api = QueryApi::new(Arc::clone(model), Arc::clone(store) as Arc<dyn Reader>, config);
    Front::new(vec![api], b"{}".to_vec(), Origins::default())
}

/// Reads an answer, as far as it goes.
pub async fn read(answer: HttpResponse) -> Seen {
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let mut body: BoxBody = answer.into_body();
    let mut bytes = Vec::new();
    let mut broken = false;
    loop {
        let mut pinned = std::pin::Pin::new(&mut body);
        match std::future::poll_fn(|context| pinned.as_mut().poll_next(context)).await {
            Some(Ok(piece)) => bytes.extend_from_slice(&piece),
            Some(Err(_)) => {
                broken = true;
                break;
            }
            None => break,
        }
    }
    Seen { status, headers, text: String::from_utf8(bytes).unwrap(), broken }
}
