//! What was asked and answered in a run, in the order in which it happened.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use command_api::Reply;
use model::decide::Expected;

use super::chance::trace;
use super::domain::Act;

/// One call.
#[derive(Clone, Debug)]
pub struct Op {
    /// Names it in the log.
    pub name: Arc<str>,
    pub id: Arc<str>,
    pub act: Act,
    pub key: Option<Arc<str>>,
    pub expected: Option<Expected>,
    /// When it was asked, by the count of all that happened.
    pub called: u64,
    /// When it was answered; never, where the caller gave up.
    pub answered: Option<(u64, Reply)>,
}

/// All calls of a run.
#[derive(Clone, Default)]
pub struct History(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    ops: Vec<Op>,
    count: u64,
}

impl History {
    /// Notes a call; its place.
    pub fn call(
        &self,
        id: &Arc<str>,
        act: &Act,
        key: Option<&Arc<str>>,
        expected: Option<Expected>,
    ) -> (usize, Arc<str>) {
        let mut inner = self.0.borrow_mut();
        inner.count += 1;
        let (place, called) = (inner.ops.len(), inner.count);
        let name: Arc<str> = format!("call-{place}").into();
        trace(format_args!("{name} {id} {act:?} key {key:?} if {expected:?}"));
        inner.ops.push(Op {
            name: name.clone(),
            id: id.clone(),
            act: act.clone(),
            key: key.cloned(),
            expected,
            called,
            answered: None,
        });
        (place, name)
    }

    /// Notes an answer.
    pub fn answer(&self, place: usize, reply: Reply) {
        let mut inner = self.0.borrow_mut();
        inner.count += 1;
        let at = inner.count;
        trace(format_args!("call-{place} answered {reply:?}"));
        inner.ops[place].answered = Some((at, reply));
    }

    /// All of them.
    pub fn ops(&self) -> Vec<Op> {
        self.0.borrow().ops.clone()
    }
}
