//! The one task of a process that asks for the marks, however many readers there are.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::timeout;

use super::shared::Shared;

/// Between two looks while somebody waits.
const SOON: Duration = Duration::from_millis(3);
/// Between two looks while nobody does: answers tell a position that is so old at most.
const LATER: Duration = Duration::from_millis(50);
/// After a look that failed.
const AFTER_ERROR: Duration = Duration::from_millis(200);
/// How long a caller is kept who waits for marks to move.
const WAIT: Duration = Duration::from_millis(100);

/// Looks for as long as the store is there.
pub(super) fn start(shared: &Arc<Shared>) {
    let shared = Arc::downgrade(shared);
    tokio::spawn(async move { while look(&shared).await {} });
}

/// One look and the pause after it; `false` once nobody is left to tell.
async fn look(shared: &Weak<Shared>) -> bool {
    let Some(shared) = shared.upgrade() else { return false };
    let pause = match shared.poll().await {
        Ok(()) if shared.waiting.load(Ordering::Acquire) > 0 => SOON,
        Ok(()) => LATER,
        Err(error) => {
            tracing::debug!(%error, "the marks can't be read");
            AFTER_ERROR
        }
    };
    if pause == LATER {
        let _ = timeout(LATER, shared.hurry.notified()).await;
    } else {
        // What is waited for may come meanwhile, but to ask all the time would help nobody.
        let weak = Arc::downgrade(&shared);
        drop(shared);
        tokio::time::sleep(pause).await;
        return weak.strong_count() > 0;
    }
    true
}

/// Returns when the marks have been read anew, or after a tenth of a second.
pub(super) async fn moved(shared: &Shared) {
    let _waiting = Waiting::new(shared);
    shared.hurry.notify_one();
    let _ = timeout(WAIT, shared.moved.notified()).await;
}

/// Counts a caller for as long as it waits, however that ends.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared) -> Waiting<'a> {
        shared.waiting.fetch_add(1, Ordering::AcqRel);
        Waiting(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
