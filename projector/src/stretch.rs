//! A stretch of a partition: whole commands, ending where a command ends.

use event_log::validity::{Step, Validity};
use event_log::{Record, planted};

/// What one batch is made from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    /// The valid commands, each with all of its events, in log order.
    pub commands: Vec<Vec<Record>>,
    /// How many events they have together.
    pub events: usize,
    /// Offset of the last record taken in; `None` where no command boundary was passed.
    pub end: Option<i64>,
    /// Validity at `end`: the latest claim.
    pub claim: Option<[u8; 16]>,
    /// Validity at `end`: the last sequence number.
    pub seq: u64,
    /// Records that did not count.
    pub dropped: u64,
    /// Time of its first record.
    pub first_time: Option<i64>,
}

impl Stretch {
    /// Takes records until the stretch has `most` events or there are no more.
    pub fn gather(
        &mut self,
        validity: &mut Validity,
        records: &mut std::vec::IntoIter<Record>,
        most: usize,
    ) {
        while self.events < most {
            let Some(record) = records.next() else { return };
            self.take(validity, record);
        }
    }

    fn take(&mut self, validity: &mut Validity, record: Record) {
        let offset = record.offset.0;
        self.first_time.get_or_insert(record.time);
        let held = validity.held.len() as u64;
        match validity.step(record) {
            Step::Held => {}
            Step::Claimed => self.dropped += held,
            Step::Dropped => self.dropped += held + 1,
            Step::Complete(command) => {
                self.events += command.len();
                self.commands.push(command);
            }
        }
        if validity.is_between_commands() || planted::is("mark-inside-a-command") {
            self.end = Some(offset);
            self.claim = validity.claim.map(|claim| *claim.0.as_bytes());
            self.seq = validity.seq;
        }
    }
}
