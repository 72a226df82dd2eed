//! What the folded events of one aggregate do to one view.

use std::sync::Arc;

use model::rows::{Contribution, Occurred};
use model::{Aggregate, RowView, View, ViewKind, ViewSource};
use read_store::{RowWrite, RunId};

use crate::eval::guarded;
use crate::fold::{Known, Step};
use crate::rollup::{Cells, Target};
use crate::touched::{Touched, nulls};

/// One aggregate's part of a plan, as its views see it.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) aggregate: &'a Aggregate,
    pub(crate) run: &'a RunId,
    pub(crate) id: &'a Arc<str>,
    pub(crate) before: &'a Known,
    pub(crate) steps: &'a [Step<'a>],
}

/// The step at which a view's expression failed, and why. What the steps before it do is written
/// all the same, so the rows stay as they were when it failed, whatever the bounds of the batch.
pub(crate) type Failed = Option<(usize, String)>;

/// Where effects on views are collected.
pub(crate) struct Effects {
    /// Per view of the run at hand, so that a store meets the rows of one table together.
    pub(crate) rows: Vec<Vec<RowWrite>>,
    pub(crate) cells: Cells,
}

/// Collects the effects on one view; `place` tells it apart from the plan's other views.
pub(crate) fn project(
    subject: Subject<'_>,
    view: &Arc<View>,
    place: (usize, usize),
    out: &mut Effects,
) -> Failed {
    let target = Target { at: place, run: subject.run, view };
    let of_events = matches!(view.source, ViewSource::Events { .. });
    match (&view.kind, of_events) {
        (ViewKind::Rows(_), true) => event_rows(subject, view, &mut out.rows[place.1]),
        (ViewKind::Rows(rows), false) => state_rows(subject, view, rows, &mut out.rows[place.1]),
        (ViewKind::Rollup(_), true) => event_cells(subject, target, out),
        (ViewKind::Rollup(_), false) => state_cells(subject, target, out),
    }
}

fn occurred<'a>(step: &'a Step<'_>) -> Occurred<'a> {
    Occurred { event: step.index, data: &step.data, time: step.time, after: step.after.as_ref() }
}

fn event_rows(subject: Subject<'_>, view: &Arc<View>, out: &mut Vec<RowWrite>) -> Failed {
    for (at, step) in subject.steps.iter().enumerate() {
        let Subject { aggregate, id, .. } = subject;
        let version = step.event.version;
        match guarded(|| aggregate.event_rows(view, id, version, &occurred(step))) {
            Ok(rows) => out.extend(rows.into_iter().map(|row| RowWrite {
                run: subject.run.clone(),
                view: view.clone(),
                id: id.clone(),
                // Nobody else ever writes the row of an event.
                always_null: nulls(&row),
                row,
                delete: false,
                offset: step.offset,
            })),
            Err(reason) => return Some((at, reason)),
        }
    }
    None
}

fn state_rows(
    subject: Subject<'_>,
    view: &Arc<View>,
    rows: &RowView,
    out: &mut Vec<RowWrite>,
) -> Failed {
    let Subject { aggregate, id, before, steps, .. } = subject;
    let mut touched = Touched::new(rows);
    let state = before.state.as_ref();
    match guarded(|| aggregate.rows(view, id, before.version, state)) {
        Ok(rows) => touched.state(rows),
        Err(reason) => return Some((0, reason)),
    }
    let mut offset = before.offset;
    let mut failed = None;
    for (at, step) in steps.iter().enumerate() {
        match guarded(|| aggregate.rows(view, id, step.event.version, step.after.as_ref())) {
            Ok(rows) => touched.state(rows),
            Err(reason) => {
                failed = Some((at, reason));
                break;
            }
        }
        offset = step.offset;
    }
    out.extend(touched.finish().map(|effect| RowWrite {
        run: subject.run.clone(),
        view: view.clone(),
        id: id.clone(),
        row: effect.row,
        always_null: effect.always_null,
        delete: effect.delete,
        offset,
    }));
    failed
}

fn event_cells(subject: Subject<'_>, target: Target<'_>, out: &mut Effects) -> Failed {
    for (at, step) in subject.steps.iter().enumerate() {
        let Subject { aggregate, id, .. } = subject;
        let version = step.event.version;
        let occurred = occurred(step);
        match guarded(|| aggregate.event_contributions(target.view, id, version, &occurred)) {
            Ok(gained) => add_all(gained, 1, target, step.offset, out),
            Err(reason) => return Some((at, reason)),
        }
    }
    None
}

fn state_cells(subject: Subject<'_>, target: Target<'_>, out: &mut Effects) -> Failed {
    let Subject { aggregate, id, before, steps, .. } = subject;
    let view = target.view;
    let state = before.state.as_ref();
    let mut held = match guarded(|| aggregate.contributions(view, id, before.version, state)) {
        Ok(held) => held,
        Err(reason) => return Some((0, reason)),
    };
    for (at, step) in steps.iter().enumerate() {
        let after = step.after.as_ref();
        match guarded(|| aggregate.contributions(view, id, step.event.version, after)) {
            Ok(now) if now == held => {}
            Ok(now) => {
                add_all(std::mem::take(&mut held), -1, target, step.offset, out);
                add_all(now.clone(), 1, target, step.offset, out);
                held = now;
            }
            Err(reason) => return Some((at, reason)),
        }
    }
    None
}

fn add_all(
    contributions: Vec<Contribution>,
    sign: i8,
    target: Target<'_>,
    offset: i64,
    out: &mut Effects,
) {
    for contribution in contributions {
        out.cells.add(target, contribution, sign, offset);
    }
}
