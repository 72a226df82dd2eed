//! Health: named checks of what a process needs, and whether it is asked to stop.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};

/// A check: `Err` says what is wrong, for people.
pub type Check = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The checks of a process.
#[derive(Default)]
pub struct Health {
    checks: RwLock<Vec<(String, std::sync::Arc<Check>)>>,
    starting: RwLock<Option<String>>,
    draining: AtomicBool,
}

/// What the checks said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether all is well.
    pub ready: bool,
    /// Each check, and what is wrong with it.
    pub checks: Vec<(String, Result<(), String>)>,
}

/// A dependency that does not answer a check in this time is not well.
const PATIENCE: Duration = Duration::from_secs(2);

impl Health {
    /// Adds a check under the name of the dependency.
    pub fn add<F>(&self, name: &str, check: F)
    where
        F: Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static,
    {
        let check: Check = Box::new(check);
        let mut checks = self.checks.write().unwrap_or_else(|e| e.into_inner());
        checks.push((name.to_owned(), std::sync::Arc::new(check)));
    }

    /// Not ready until [`Health::started`]: what the process has to do first.
    pub fn starting(&self, doing: impl Into<String>) {
        *self.starting.write().unwrap_or_else(|e| e.into_inner()) = Some(doing.into());
    }

    /// All that was to be done first is done.
    pub fn started(&self) {
        *self.starting.write().unwrap_or_else(|e| e.into_inner()) = None;
    }

    /// From now on not ready: the process is about to stop.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Runs all checks at once.
    pub async fn report(&self) -> Report {
        let checks = self.checks.read().unwrap_or_else(|e| e.into_inner()).clone();
        let mut checks: Vec<_> = join_all(checks.into_iter().map(|(name, check)| async move {
            let answer = tokio::time::timeout(PATIENCE, check()).await;
            (name, answer.unwrap_or_else(|_| Err("no answer in time".to_owned())))
        }))
        .await;
        if let Some(doing) = &*self.starting.read().unwrap_or_else(|e| e.into_inner()) {
            checks.push(("process".to_owned(), Err(doing.clone())));
        }
        if self.draining.load(Ordering::Relaxed) {
            checks.push(("process".to_owned(), Err("stopping".to_owned())));
        }
        Report { ready: checks.iter().all(|(_, c)| c.is_ok()), checks }
    }
}

impl Report {
    /// As text: what is wrong, or with `verbose` every check.
    pub fn text(&self, verbose: bool) -> String {
        let mut out = String::new();
        for (name, check) in &self.checks {
            match check {
                Ok(()) if verbose => out += &format!("[+] {name}: ok\n"),
                Ok(()) => {}
                Err(reason) => out += &format!("[-] {name}: {reason}\n"),
            }
        }
        out + if self.ready { "ready\n" } else { "not ready\n" }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[actix_web::test]
    async fn readiness_names_the_dependency_that_fails() {
        let health = Health::default();
        health.add("log", || async { Ok(()) }.boxed());
        assert!(health.report().await.ready);
        health.add("read store", || async { Err("disk full".to_owned()) }.boxed());
        let report = health.report().await;
        assert_eq!(report.text(false), "[-] read store: disk full\nnot ready\n");
        assert_eq!(report.text(true), "[+] log: ok\n[-] read store: disk full\nnot ready\n");
    }

    #[actix_web::test]
    async fn a_process_that_starts_says_what_it_does_first() {
        let health = Health::default();
        health.starting("filling read models");
        let report = health.report().await;
        assert_eq!(report.text(false), "[-] process: filling read models\nnot ready\n");
        health.started();
        assert!(health.report().await.ready);
    }

    #[actix_web::test]
    async fn a_process_that_drains_is_not_ready() {
        let health = Health::default();
        health.drain();
        assert!(!health.report().await.ready);
    }
}
