//! When a source is asked no more for a while: a pure machine, told the time.
//!
//! Closed, it lets every question through, and counts failures in a row. At the limit it opens: for a
//! pause nothing is asked. Then one question goes through as a probe; the pause doubles with each probe
//! that fails, and any answer closes it.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::after;

/// How patient it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Failures in a row that open it; 0 never does.
    pub failures: u32,
    /// The first pause.
    pub pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

/// Why a question failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The source does not answer, or not so that it can be understood.
    Down,
    /// The source refuses our own credentials.
    Refused,
}

/// An open breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shut {
    /// What opened it.
    pub(crate) cause: Cause,
    /// When it is worth asking again.
    pub(crate) until: Timestamp,
}

/// Whether a question may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It may.
    Asks,
    /// It may, and decides whether others may. Its end must be told.
    Probes,
    /// It may not.
    Refused(Shut),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { shut: Shut, pauses: u32 },
    Probing { shut: Shut, pauses: u32 },
}

/// The breaker of one source.
#[derive(Debug, Clone)]
pub(crate) struct Breaker {
    config: BreakerConfig,
    state: State,
}

impl Breaker {
    pub(crate) const fn new(config: BreakerConfig) -> Self {
        Self { config, state: State::Closed { failures: 0 } }
    }

    /// Asks for leave to ask.
    pub(crate) fn admit(&mut self, now: Timestamp) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Asks,
            State::Open { shut, pauses } if self.is_over(shut, now) => {
                self.state = State::Probing { shut, pauses };
                Admission::Probes
            }
            State::Open { shut, .. } => Admission::Refused(shut),
            State::Probing { shut, .. } => {
                Admission::Refused(Shut { until: after(now, self.config.pause), ..shut })
            }
        }
    }

    /// As [`Self::admit`] would refuse, without taking the place of a probe.
    pub(crate) fn shut(&self, now: Timestamp) -> Option<Shut> {
        match self.clone().admit(now) {
            Admission::Refused(shut) => Some(shut),
            Admission::Asks | Admission::Probes => None,
        }
    }

    /// The source answered.
    pub(crate) fn worked(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// A question failed. What was asked before it opened says nothing about a probe.
    pub(crate) fn failed(&mut self, now: Timestamp, cause: Cause, was_probe: bool) {
        let pauses = match self.state {
            State::Closed { failures } => {
                let failures = failures.saturating_add(1);
                if self.config.failures == 0 || failures < self.config.failures {
                    self.state = State::Closed { failures };
                    return;
                }
                0
            }
            State::Probing { pauses, .. } if was_probe => pauses,
            State::Open { .. } | State::Probing { .. } => return,
        };
        let pause = self.config.pause.saturating_mul(1 << pauses.min(16));
        let shut = Shut { cause, until: after(now, pause.min(self.config.longest_pause)) };
        self.state = State::Open { shut, pauses: pauses.saturating_add(1) };
    }

    /// A probe was given up before it ended: the next question is one.
    pub(crate) fn abandoned(&mut self, now: Timestamp) {
        if let State::Probing { shut, pauses } = self.state {
            self.state = State::Open { shut: Shut { until: now, ..shut }, pauses };
        }
    }

    /// Whether a pause has ended. One that would last longer than any is left over from before the
    /// clock was set back.
    fn is_over(&self, shut: Shut, now: Timestamp) -> bool {
        shut.until <= now || shut.until > after(now, self.config.longest_pause)
    }

    /// `closed`, `open` or `half_open`: a probe is due or on its way.
    pub(crate) fn word(&self, now: Timestamp) -> &'static str {
        match self.state {
            State::Closed { .. } => "closed",
            State::Open { shut, .. } if !self.is_over(shut, now) => "open",
            State::Open { .. } | State::Probing { .. } => "half_open",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONFIG: BreakerConfig = BreakerConfig {
        failures: 3,
        pause: Duration::from_secs(30),
        longest_pause: Duration::from_secs(100),
    };

    fn noon() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Ask,
        Work,
        Fail,
        GiveUp,
        Wait(u16),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => Just(Step::Ask),
            1 => Just(Step::Work),
            4 => Just(Step::Fail),
            1 => Just(Step::GiveUp),
            2 => (0_u16..200).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..60)
    }

    #[test]
    fn pauses_double_until_the_longest_and_an_answer_ends_them() {
        let (mut breaker, mut now) = (Breaker::new(CONFIG), noon());
        for _ in 0..3 {
            assert_eq!(breaker.admit(now), Admission::Asks);
            breaker.failed(now, Cause::Down, false);
        }
        for pause in [30, 60, 100, 100] {
            let until = after(now, Duration::from_secs(pause));
            let shut = Shut { cause: Cause::Down, until };
            assert_eq!(breaker.admit(now), Admission::Refused(shut));
            now = until;
            assert_eq!((breaker.word(now), breaker.admit(now)), ("half_open", Admission::Probes));
            breaker.failed(now, Cause::Down, true);
        }
        now = after(now, Duration::from_secs(100));
        assert_eq!(breaker.admit(now), Admission::Probes);
        breaker.worked();
        assert_eq!((breaker.word(now), breaker.admit(now)), ("closed", Admission::Asks));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_pause_longer() {
        let mut breaker = Breaker::new(CONFIG);
        for _ in 0..3 {
            breaker.failed(noon(), Cause::Down, false);
        }
        let back = noon() - Duration::from_secs(3600);
        assert_eq!((breaker.word(back), breaker.admit(back)), ("half_open", Admission::Probes));
    }

    #[test]
    fn without_a_limit_it_never_opens() {
        let mut breaker = Breaker::new(BreakerConfig { failures: 0, ..CONFIG });
        for _ in 0..100 {
            breaker.failed(noon(), Cause::Refused, false);
        }
        assert_eq!(breaker.admit(noon()), Admission::Asks);
    }

    proptest! {
        /// Against a model that knows only what was let through and how it ended.
        #[test]
        fn one_probe_at_a_time_and_never_stuck(steps in steps()) {
            let (mut breaker, mut now) = (Breaker::new(CONFIG), noon());
            let (mut asking, mut probing, mut in_a_row) = (0_u32, false, 0_u32);
            for step in steps {
                match step {
                    Step::Wait(seconds) => now = after(now, Duration::from_secs(seconds.into())),
                    Step::Ask => match breaker.admit(now) {
                        Admission::Asks => {
                            prop_assert!(in_a_row < CONFIG.failures);
                            asking += 1;
                        }
                        Admission::Probes => {
                            prop_assert!(!probing && in_a_row >= CONFIG.failures);
                            probing = true;
                        }
                        Admission::Refused(shut) => {
                            prop_assert!(shut.until > now);
                            prop_assert!(shut.until <= after(now, CONFIG.longest_pause));
                            prop_assert!(in_a_row >= CONFIG.failures);
                        }
                    },
                    Step::Work if probing || asking > 0 => {
                        if probing { probing = false } else { asking -= 1 }
                        breaker.worked();
                        in_a_row = 0;
                    }
                    Step::Fail if probing || asking > 0 => {
                        let was_probe = probing;
                        if probing { probing = false } else { asking -= 1 }
                        breaker.failed(now, Cause::Down, was_probe);
                        in_a_row += 1;
                    }
                    Step::GiveUp if probing => {
                        probing = false;
                        breaker.abandoned(now);
                    }
                    _ => {}
                }
                prop_assert_eq!(breaker.shut(now).is_none() || probing || breaker.word(now) == "open", true);
            }
            // Whatever happened, once nobody probes a question gets through after the longest pause.
            if probing {
                breaker.abandoned(now);
            }
            let later = after(now, CONFIG.longest_pause);
            prop_assert!(!matches!(breaker.admit(later), Admission::Refused(_)));
        }
    }
}
