//! Closures that wait for lanes.

use super::lane::Job;
use crate::error::Error;
use crate::tx::Mode;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Whose closure it is: closures of different numbers are run in turns.
pub(crate) type Turn = i64;

/// A closure on its way to a lane.
pub(crate) struct Work {
    pub(crate) turn: Turn,
    pub(crate) mode: Mode,
    pub(crate) job: Box<dyn Job>,
}

/// What waits for the lanes of one kind: a line for each turn, in the order in which it came. However long one
/// of them is, the next of every other one is taken before its second.
pub(crate) struct Waiting {
    lines: Mutex<Lines>,
    came: Condvar,
    most: usize,
}

#[derive(Default)]
struct Lines {
    by_turn: VecDeque<(Turn, VecDeque<Work>)>,
    count: usize,
    closed: bool,
}

impl Waiting {
    /// At most so many closures wait.
    pub(crate) fn new(most: usize) -> Self {
        Self { lines: Mutex::default(), came: Condvar::new(), most: most.max(1) }
    }

    /// Adds a closure, or answers it that there is no room.
    pub(crate) fn put(&self, work: Work) {
        let mut lines = self.lines();
        let error = match (lines.closed, lines.count < self.most) {
            (true, _) => Error::closed(),
            (_, false) => Error::crowded(),
            _ => {
                lines.put(work);
                drop(lines);
                return self.came.notify_one();
            }
        };
        drop(lines);
        work.job.answer(Err(error));
    }

    /// The next closure, waiting for one. `None` when this is closed and nothing is left.
    pub(crate) fn take(&self) -> Option<Work> {
        let mut lines = self.lines();
        loop {
            if let Some(work) = lines.take() {
                return Some(work);
            }
            if lines.closed {
                return None;
            }
            lines = self.came.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next closure, if there is one and it may be run now.
    pub(crate) fn take_if(&self, may_run: impl FnOnce(Mode) -> bool) -> Option<Work> {
        let mut lines = self.lines();
        let (_, line) = lines.by_turn.front()?;
        if may_run(line.front()?.mode) { lines.take() } else { None }
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.lines().count
    }

    /// Refuses everything that comes from now on, and lets the lanes end when nothing is left.
    pub(crate) fn close(&self) {
        self.lines().closed = true;
        self.came.notify_all();
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn put(&mut self, work: Work) {
        self.count += 1;
        match self.by_turn.iter_mut().find(|(turn, _)| *turn == work.turn) {
            Some((_, line)) => line.push_back(work),
            None => self.by_turn.push_back((work.turn, VecDeque::from([work]))),
        }
    }

    fn take(&mut self) -> Option<Work> {
        let (turn, mut line) = self.by_turn.pop_front()?;
        let work = line.pop_front();
        self.count -= usize::from(work.is_some());
        if !line.is_empty() {
            self.by_turn.push_back((turn, line));
        }
        work
    }
}
