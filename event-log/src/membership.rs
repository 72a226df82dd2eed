//! Which partitions this instance may own, as the members of its group agreed.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::record::PartitionId;

/// An instance's place in a group of owners, or of projectors.
///
/// Correctness never rests on it: fencing is the log's work. It only says who should try.
#[async_trait]
pub trait Membership: Send + Sync + 'static {
    /// The partitions given to this instance, and each change of them.
    fn assigned(&self) -> watch::Receiver<Arc<BTreeSet<PartitionId>>>;

    /// Asks the group whether this partition is still this instance's, under the present
    /// generation. False where the group can't be asked.
    async fn still_assigned(&self, partition: &PartitionId) -> bool;

    /// Where the owner of a partition answers (a URL), as last heard; `None` where nobody has
    /// claimed it yet, or where this instance is the owner.
    fn owner(&self, partition: &PartitionId) -> Option<Arc<str>>;

    /// Gives all partitions back and leaves, so that others need not wait for a session to end.
    async fn leave(&self);
}

/// The only member there is: everything is its own, for good.
pub struct Alone {
    assigned: watch::Sender<Arc<BTreeSet<PartitionId>>>,
}

impl Alone {
    /// Owns these.
    pub fn new(partitions: impl IntoIterator<Item = PartitionId>) -> Alone {
        Alone { assigned: watch::Sender::new(Arc::new(partitions.into_iter().collect())) }
    }
}

#[async_trait]
impl Membership for Alone {
    fn assigned(&self) -> watch::Receiver<Arc<BTreeSet<PartitionId>>> {
        self.assigned.subscribe()
    }

    async fn still_assigned(&self, partition: &PartitionId) -> bool {
        self.assigned.borrow().contains(partition)
    }

    fn owner(&self, _: &PartitionId) -> Option<Arc<str>> {
        None
    }

    async fn leave(&self) {
        self.assigned.send_replace(Arc::default());
    }
}
