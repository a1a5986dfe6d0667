//! When a failed delivery is tried again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use vinculo_webhook::{MAX_RETRY_AFTER, RetryAfter, SCHEDULE, next_try};

const MINUTES: [u64; 10] = [1, 2, 3, 4, 5, 30, 120, 300, 600, 600];

fn at(unix_seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(unix_seconds)
}

#[test]
fn the_schedule_is_the_documented_one_and_ends() {
    for (attempt, minutes) in (1..).zip(MINUTES) {
        let step = Duration::from_secs(minutes * 60);
        assert_eq!(next_try(&SCHEDULE, attempt, 0, None), Some(step * 4 / 5));
        assert_eq!(next_try(&SCHEDULE, attempt, u64::MAX, None), Some(step * 6 / 5));
        let middle = next_try(&SCHEDULE, attempt, u64::MAX / 2, None).unwrap();
        assert!(middle.abs_diff(step) <= Duration::from_micros(1), "{middle:?}");
    }
    assert_eq!(next_try(&SCHEDULE, 11, 0, Some(Duration::from_secs(1))), None);
    assert_eq!(next_try(&SCHEDULE, 0, 0, None), None);
    assert_eq!(next_try(&SCHEDULE, u32::MAX, 0, None), None);
    assert_eq!(next_try(&[], 1, 0, None), None);
}

#[test]
fn retry_after_lengthens_a_wait_within_bounds_and_never_shortens_it() {
    let after =
        |attempt, seconds| next_try(&SCHEDULE, attempt, 0, Some(Duration::from_secs(seconds)));
    assert_eq!(after(1, 0), Some(Duration::from_secs(48)));
    assert_eq!(after(1, 90), Some(Duration::from_secs(90)));
    assert_eq!(after(1, u64::MAX), Some(MAX_RETRY_AFTER));
    assert_eq!(after(9, 90), Some(Duration::from_secs(8 * 3600)));
}

#[test]
fn those_that_were_told_the_same_moment_do_not_come_at_once() {
    let after = |random, seconds| next_try(&[1], 1, random, Some(Duration::from_secs(seconds)));
    assert_eq!(after(0, 600), Some(Duration::from_secs(600)));
    assert_eq!(after(u64::MAX, 600), Some(Duration::from_secs(720)));
    assert_eq!(after(u64::MAX / 2, 100), Some(Duration::from_secs(110)));
    assert_eq!(after(u64::MAX, u64::MAX), Some(MAX_RETRY_AFTER * 6 / 5));
}

#[test]
fn retry_after_is_read_in_every_form() {
    use RetryAfter::{At, Seconds};
    // `vinculo-sources` reads the same values alike.
    let cases = [
        ("120", Some(Seconds(120))),
        (" 120 ", Some(Seconds(120))),
        ("0", Some(Seconds(0))),
        ("1.5", Some(Seconds(2))),
        ("2.0", Some(Seconds(2))),
        ("99999999999999999999999", Some(Seconds(u64::MAX))),
        ("99999999999999999999999.5", Some(Seconds(u64::MAX))),
        ("Tue, 24 Nov 2026 15:00:30 GMT", Some(At { unix_seconds: 1_795_532_430 })),
        ("Tuesday, 24-Nov-26 15:00:30 GMT", Some(At { unix_seconds: 1_795_532_430 })),
        ("Tue Nov 24 15:00:30 2026", Some(At { unix_seconds: 1_795_532_430 })),
        ("Tue, 24 Nov 2026 14:59:00 GMT", Some(At { unix_seconds: 1_795_532_340 })),
        ("Sun, 24 Jan 2027 15:00:00 GMT", Some(At { unix_seconds: 1_800_802_800 })),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("1.", None),
        (".5", None),
        ("soon", None),
        ("Tue, 24 Nov 2026 15:00:30 PST", None),
        ("Tue, 24 Nov 2026 10:00:30 -0500", None),
        ("2026-11-24T15:00:30Z", None),
    ];
    for (value, expected) in cases {
        assert_eq!(RetryAfter::parse(value), expected, "{value:?}");
    }
}

#[test]
fn a_date_asks_for_the_time_that_is_left() {
    let date = RetryAfter::At { unix_seconds: 1_000 };
    assert_eq!(date.wait(at(400)), Duration::from_secs(600));
    assert_eq!(date.wait(at(1_000)), Duration::ZERO);
    assert_eq!(date.wait(at(5_000)), Duration::ZERO);
    assert_eq!(date.wait(UNIX_EPOCH - Duration::from_secs(9)), Duration::from_secs(1_000));
    assert_eq!(RetryAfter::Seconds(7).wait(at(5_000)), Duration::from_secs(7));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn every_wait_is_within_a_fifth_of_its_step(attempt in 1_u32..=10, random: u64) {
        let minutes = MINUTES[usize::try_from(attempt - 1).unwrap()];
        let step = Duration::from_secs(minutes * 60);
        let wait = next_try(&SCHEDULE, attempt, random, None).unwrap();
        prop_assert!(wait >= step * 4 / 5 && wait <= step * 6 / 5, "{:?}", wait);
    }

    /// Whatever schedule a workspace decides on.
    #[test]
    fn every_schedule_is_kept_to_its_end(
        schedule in prop::collection::vec(1_u32..=86_400, 0..20),
        random: u64,
    ) {
        for (attempt, seconds) in (1..).zip(&schedule) {
            let step = Duration::from_secs(u64::from(*seconds));
            let wait = next_try(&schedule, attempt, random, None).unwrap();
            prop_assert!(wait >= step * 4 / 5 && wait <= step * 6 / 5, "{:?}", wait);
        }
        let after_the_last = u32::try_from(schedule.len()).unwrap() + 1;
        prop_assert_eq!(next_try(&schedule, after_the_last, random, None), None);
    }

    #[test]
    fn no_answer_of_a_receiver_moves_a_try_beyond_the_bound(
        attempt in 1_u32..=10,
        random: u64,
        asked: u64,
    ) {
        let plain = next_try(&SCHEDULE, attempt, random, None).unwrap();
        let wait = next_try(&SCHEDULE, attempt, random, Some(Duration::from_secs(asked))).unwrap();
        prop_assert!(wait >= plain && wait <= plain.max(MAX_RETRY_AFTER * 6 / 5));
    }

    #[test]
    fn any_header_value_is_read_or_ignored(value in "\\PC{0,40}", now: u32) {
        if let Some(retry_after) = RetryAfter::parse(&value) {
            let wait = next_try(&SCHEDULE, 1, 0, Some(retry_after.wait(at(u64::from(now))))).unwrap();
            prop_assert!(wait <= MAX_RETRY_AFTER);
        }
    }

    #[test]
    fn whole_seconds_are_read_as_they_are(seconds: u64) {
        let parsed = RetryAfter::parse(&seconds.to_string());
        prop_assert_eq!(parsed, Some(RetryAfter::Seconds(seconds)));
    }
}
