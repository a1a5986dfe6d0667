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

/// Brief closures that are taken before one that is not. A link makes one job and two deliveries, and each of
/// these is taken and recorded: were they to wait for as many links as come meanwhile, what was taken in would
/// be told of ever later.
const BRIEF_IN_A_ROW: usize = 4;

/// What waits for the lanes of one kind: a line for each turn, in the order in which it came. However long one
/// of them is, the next of every other one is taken before its second. Brief closures have lines of their own.
pub(crate) struct Waiting {
    lines: Mutex<Lines>,
    came: Condvar,
    most: usize,
}

#[derive(Default)]
struct Lines {
    brief: Turns,
    others: Turns,
    /// Brief closures that were taken since the last other one.
    in_a_row: usize,
    count: usize,
    closed: bool,
}

/// A line for each turn, the next one first.
#[derive(Default)]
struct Turns(VecDeque<(Turn, VecDeque<Work>)>);

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
        let next = lines.next().0.front()?.1.front()?.mode;
        if may_run(next) { lines.take() } else { None }
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
        let lines = if work.mode.is_brief() { &mut self.brief } else { &mut self.others };
        lines.put(work);
    }

    fn take(&mut self) -> Option<Work> {
        let work = self.next().take()?;
        self.in_a_row = if work.mode.is_brief() { self.in_a_row + 1 } else { 0 };
        self.count -= 1;
        Some(work)
    }

    /// The lines whose turn it is; they are empty when all are.
    fn next(&mut self) -> &mut Turns {
        let too_many = self.in_a_row >= BRIEF_IN_A_ROW && !self.others.0.is_empty();
        if self.brief.0.is_empty() || too_many { &mut self.others } else { &mut self.brief }
    }
}

impl Turns {
    fn put(&mut self, work: Work) {
        match self.0.iter_mut().find(|(turn, _)| *turn == work.turn) {
            Some((_, line)) => line.push_back(work),
            None => self.0.push_back((work.turn, VecDeque::from([work]))),
        }
    }

    fn take(&mut self) -> Option<Work> {
        let (turn, mut line) = self.0.pop_front()?;
        let work = line.pop_front();
        if !line.is_empty() {
            self.0.push_back((turn, line));
        }
        work
    }
}
