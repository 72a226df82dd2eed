//! A command API over a log and a store in memory, called as HTTP calls it.
#![allow(dead_code, clippy::unwrap_used, reason = "helpers of tests; each file uses its part")]

pub mod domain;
pub mod log;
pub mod store;

use std::sync::Arc;

use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use event_log::Membership;
use foldline_command_api::{CommandApi, Config};
use model::Model;
use service::Api;

use log::FakeLog;
use store::FakeStore;

/// Everything a test needs.
pub struct World {
    pub model: Arc<Model>,
    pub log: FakeLog,
    pub store: Arc<FakeStore>,
    pub api: Arc<CommandApi>,
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Status and code, for tables.
    pub fn brief(&self) -> (u16, String) {
        (self.status, self.code())
    }
}

impl World {
    pub fn new() -> World {
        World::with(Config { clock: || 1_000, ..Config::default() })
    }

    pub fn with(config: Config) -> World {
        let model = domain::model();
        let log = FakeLog::new();
        let store = FakeStore::new(model.clone());
        let api = CommandApi::new(model.clone(), Arc::new(log.clone()), store.clone(), config);
        World { model, log, store, api }
    }

    /// One of several instances that share a log.
    pub fn member(log: FakeLog, membership: Arc<dyn Membership>) -> World {
        World::member_at("http://here", log, membership)
    }

    /// One of several instances, which others reach at this URL.
    pub fn member_at(url: &str, log: FakeLog, membership: Arc<dyn Membership>) -> World {
        let model = domain::model();
        let store = FakeStore::new(model.clone());
        let advertise = url.into();
        let config = Config { clock: || 1_000, advertise, ..Config::default() };
        let shared = Arc::new(log.clone());
        let api = CommandApi::member(model.clone(), shared, store.clone(), membership, config);
        World { model, log, store, api }
    }

    /// A new process on the same log and store.
    pub fn restart(&mut self, config: Config) {
        let log = Arc::new(self.log.clone());
        self.api = CommandApi::new(self.model.clone(), log, self.store.clone(), config);
    }

    pub fn project(&self) {
        self.store.project(self.log.records());
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.call(path, &[], body).await
    }

    pub async fn call(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = TestRequest::default().method(Method::POST).uri(path);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.insert_header(("content-type", "application/json"));
        }
        for header in headers {
            request = request.append_header(*header);
        }
        let (request, payload) = request.set_payload(body.to_owned()).to_http_parts();
        let answer = self.api.call(request, payload).await;
        let headers = answer
            .headers()
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned()))
            .collect();
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body()).await.unwrap_or_default();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }
}
