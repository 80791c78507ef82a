use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::from_micros(text.parse::<DateTime<Utc>>().unwrap().timestamp_micros())
}

fn cron(text: &str) -> Cron {
    text.parse().unwrap()
}

#[track_caller]
fn follows(text: &str, times: &[&str]) {
    let cron = cron(text);
    for pair in times.windows(2) {
        assert_eq!(cron.next(at(pair[0])), Some(at(pair[1])), "`{text}` after {}", pair[0]);
    }
}

#[test]
fn occurrences_follow_each_other() {
    follows("* * * * *", &["2026-11-27T10:00:00Z", "2026-11-27T10:01:00Z", "2026-11-27T10:02:00Z"]);
    follows("* * * * *", &["2026-11-27T10:00:59.999999Z", "2026-11-27T10:01:00Z"]);
    follows("*/15 9-10 * * *", &["2026-11-27T09:50:00Z", "2026-11-27T10:00:00Z", "2026-11-27T10:15:00Z"]);
    follows("30 4 * * MON-FRI", &["2026-11-27T04:30:00Z", "2026-11-30T04:30:00Z"]);
    follows("0 0 29 2 *", &["2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
    follows("0 0 L * *", &["2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"]);
    follows("0 12 * jan 7", &["2026-11-27T00:00:00Z", "2027-01-03T12:00:00Z", "2027-01-10T12:00:00Z"]);
    // Either of the two days, as everywhere where both are given.
    follows("0 0 1 * MON", &["2026-11-27T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"]);
}

#[test]
fn short_forms_mean_what_they_say() {
    let from = "2026-11-27T10:20:30Z";
    follows("@hourly", &[from, "2026-11-27T11:00:00Z"]);
    follows(" @Daily ", &[from, "2026-11-28T00:00:00Z"]);
    follows("@midnight", &[from, "2026-11-28T00:00:00Z"]);
    follows("@weekly", &[from, "2026-11-29T00:00:00Z"]);
    follows("@monthly", &[from, "2026-12-01T00:00:00Z"]);
    follows("@yearly", &[from, "2027-01-01T00:00:00Z"]);
    follows("@annually", &[from, "2027-01-01T00:00:00Z"]);
}

#[test]
fn the_field_that_is_wrong_is_named() {
    for (text, field) in [
        ("60 * * * *", "minute"),
        ("a * * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("5-1 * * * *", "minute"),
        ("1,,2 * * * *", "minute"),
        ("@hourly * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* -1 * * *", "hour"),
        ("* * 0 * *", "day of the month"),
        ("* * 32 * *", "day of the month"),
        ("* * * 13 *", "month"),
        ("* * * FOO *", "month"),
        ("* * * * 8", "day of the week"),
        ("* * * * é", "day of the week"),
    ] {
        match text.parse::<Cron>() {
            Err(CronError::Field { field: named, .. }) => assert_eq!(named, field, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let error = "61 * * * *".parse::<Cron>().unwrap_err().to_string();
    assert!(error.starts_with("`61` is no minute: expected 0 to 59, `*`, or lists"), "{error}");
}

#[test]
fn other_numbers_of_fields_are_refused() {
    for (text, found) in
        [("", 0), ("* * * *", 4), ("* * * * * *", 6), ("* * * * * * *", 7), ("@sometimes", 1), ("@reboot", 1)]
    {
        assert_eq!(text.parse::<Cron>().unwrap_err(), CronError::Fields { text: text.to_owned(), found });
    }
}

#[test]
fn what_never_comes_is_refused() {
    assert_eq!("0 0 30 2 *".parse::<Cron>().unwrap_err(), CronError::Never("0 0 30 2 *".to_owned()));
    assert_eq!("0 0 31 4,6 *".parse::<Cron>().unwrap_err(), CronError::Never("0 0 31 4,6 *".to_owned()));
}

#[test]
fn what_was_missed_is_due_once() {
    let hourly = cron("@hourly");
    let latest = |since, now| hourly.latest(at(since), at(now));
    let ten = "2026-11-27T10:00:00Z";
    assert_eq!(latest(ten, "2026-11-27T10:59:59Z"), None);
    assert_eq!(latest(ten, "2026-11-27T11:00:00Z"), Some(at("2026-11-27T11:00:00Z")));
    assert_eq!(latest(ten, "2027-11-27T17:30:00Z"), Some(at("2027-11-27T17:00:00Z")));
    // A clock that was set back.
    assert_eq!(latest(ten, "2026-11-27T08:30:00Z"), None);
    assert_eq!(hourly.next(at("2026-11-27T08:30:00Z")), Some(at("2026-11-27T09:00:00Z")));
}

#[test]
fn times_beyond_the_calendar_have_no_next() {
    for time in [i64::MAX, i64::MIN] {
        let time = Timestamp::from_micros(time);
        for text in ["* * * * *", "0 0 29 2 *"] {
            let cron = cron(text);
            if let Some(next) = cron.next(time) {
                assert!(next > time);
            }
            if let Some(latest) = cron.latest(time, time) {
                assert!(latest > time);
            }
        }
    }
}

fn field(from: u32, to: u32) -> impl Strategy<Value = String> {
    let one = (from..=to).prop_map(|one| one.to_string());
    let range = (from..=to, from..=to).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b)));
    let step = (1..=to).prop_map(|step| format!("*/{step}"));
    let list = prop::collection::vec(from..=to, 1..4)
        .prop_map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    prop_oneof![3 => Just("*".to_owned()), 1 => one, 1 => range, 1 => step, 1 => list]
}

fn pattern() -> impl Strategy<Value = String> {
    // Days up to the 28th: every month has them.
    (field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
        .prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"))
}

/// From 1970 to 2100.
fn time() -> impl Strategy<Value = Timestamp> {
    (0..4_102_444_800_000_000_i64).prop_map(Timestamp::from_micros)
}

proptest! {
    #[test]
    fn the_next_is_later_and_matches(text in pattern(), now in time()) {
        let cron = cron(&text);
        let next = cron.next(now).unwrap();
        prop_assert!(next > now);
        prop_assert_eq!(next.as_micros() % 60_000_000, 0);
        prop_assert!(cron.cron.is_time_matching(&to_utc(next).unwrap()).unwrap());
    }

    #[test]
    fn nothing_is_between(text in pattern(), now in time(), part in 0.0..1.0) {
        let cron = cron(&text);
        let next = cron.next(now).unwrap();
        let between = now + next.since(now).mul_f64(part);
        if between < next {
            prop_assert_eq!(cron.next(between), Some(next));
        }
        prop_assert_eq!(cron.next(Timestamp::from_micros(next.as_micros() - 1)), Some(next));
        prop_assert_eq!(cron.latest(now, next), Some(next));
        prop_assert_eq!(cron.latest(now, Timestamp::from_micros(next.as_micros() - 1)), None);
    }

    #[test]
    fn later_times_have_later_occurrences(text in pattern(), one in time(), other in time()) {
        let cron = cron(&text);
        let (earlier, later) = (one.min(other), one.max(other));
        prop_assert!(cron.next(earlier) <= cron.next(later));
        let latest = cron.latest(earlier, later);
        prop_assert_eq!(latest.is_some(), cron.next(earlier).unwrap() <= later);
    }

    #[test]
    fn whatever_a_clock_does_each_occurrence_is_one(
        text in pattern(),
        start in time(),
        jumps in prop::collection::vec(-200_000_i64..200_000, 1..30),
    ) {
        // Occurrences that were come to, by a clock that is set at every look.
        let cron = cron(&text);
        let mut now = start;
        for jump in jumps {
            let next = cron.next(now).unwrap();
            let again = cron.next(Timestamp::from_micros(next.as_micros() - 1)).unwrap();
            prop_assert_eq!(next, again);
            now = Timestamp::from_micros((now.as_micros() + jump * 1_000_000).max(0));
        }
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,30}|[0-9*/,@LW# -]{0,20}", now in any::<i64>()) {
        if let Ok(cron) = text.parse::<Cron>() {
            let now = Timestamp::from_micros(now);
            if let Some(next) = cron.next(now) {
                prop_assert!(next > now && next.since(now) > Duration::ZERO);
            }
        }
    }
}
