//! A batch that the store refuses for good: the command at fault is found by applying one at a
//! time, and the rows at fault by setting aside one view at a time.

use std::sync::Arc;

use super::{Failure, Follower, apply};
use crate::batch::{Planned, Stop};
use crate::stretch::Stretch;

/// A view (by run and place) of one aggregate.
type Suspect = (usize, usize, Arc<str>);

impl Follower<'_> {
    /// Deals with a refused stretch: narrows it down, or parks what the store refuses.
    pub(crate) async fn refused(
        &mut self,
        stretch: Arc<Stretch>,
        detail: String,
    ) -> Result<(), Failure> {
        if stretch.commands.len() > 1 {
            self.careful_until = stretch.end.unwrap_or(self.careful_until);
            return Ok(());
        }
        self.restart().await?;
        let suspects = self.suspects(&stretch);
        for suspect in &suspects {
            if self.accepted_without(std::slice::from_ref(suspect), &stretch, &detail).await? {
                return Ok(());
            }
        }
        if suspects.len() > 1 && self.accepted_without(&suspects, &stretch, &detail).await? {
            return Ok(());
        }
        Err(Stop::Refused(detail).into())
    }

    fn suspects(&self, stretch: &Stretch) -> Vec<Suspect> {
        let Some(event) = stretch
            .commands
            .first()
            .and_then(|command| command.first())
            .and_then(event_log::validity::event)
        else {
            return Vec::new();
        };
        let mine = self.runs.iter().enumerate().filter(|(_, run)| {
            run.aggregate.name == event.aggregate && stretch.end.is_some_and(|end| end > run.mark)
        });
        mine.flat_map(|(at, run)| (0..run.views.len()).map(move |view| (at, view)))
            .filter(|(run, view)| {
                let waits = self.runs[*run].parked.get(&(*view, event.id.clone()));
                waits.is_none_or(|from| stretch.end.is_some_and(|end| end < *from))
            })
            .map(|(run, view)| (run, view, event.id.clone()))
            .collect()
    }

    /// Whether the store takes the stretch if these views of the aggregate are parked. What it
    /// takes stays parked, since its pointers are written with it.
    async fn accepted_without(
        &mut self,
        suspects: &[Suspect],
        stretch: &Arc<Stretch>,
        detail: &str,
    ) -> Result<bool, Failure> {
        for (run, view, id) in suspects {
            let reason = format!("the store refuses it: {detail}");
            self.runs[*run].refused.insert((*view, id.clone()), reason);
        }
        let planned = self.plan(stretch).await;
        self.runs.iter_mut().for_each(|run| run.refused.clear());
        let (Planned { batch, .. }, overtaken) = planned?;
        match apply(self.parts.writer, Some((batch, overtaken))).await {
            Ok(()) => Ok(true),
            Err(read_store::StoreError::Refused(_)) => Ok(false),
            Err(error) => Err(Failure::Unavailable(error.to_string())),
        }
    }
}
