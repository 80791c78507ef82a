//! Counts, rates and times of each connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{ShowError, Shown, print};
use crate::launcher::columns::{self, aligned};
use crate::launcher::look::time;
use crate::launcher::recordings::chosen::cell;
use crate::recording::{Direction, Kind, Message};

const HEADS: [&str; 9] = ["service", "connection", "in", "out", "bytes", "per second", "bad", "p50", "p99"];

/// What one connection did.
#[derive(Debug, Default)]
struct Sums {
    came: u64,
    went: u64,
    bytes: u64,
    bad: u64,
    took: Vec<Duration>,
}

impl Sums {
    fn add(&mut self, message: &Message) {
        match (message.kind, message.direction) {
            (Kind::Handled | Kind::Unanswered, _) => {}
            (_, Direction::In) => self.came += 1,
            (_, Direction::Out) => self.went += 1,
        }
        self.bytes += message.size;
        let is_bad = message.outcome.as_deref().is_some_and(|outcome| outcome != "ok");
        self.bad += u64::from(is_bad || message.kind == Kind::Junk);
        self.took.extend(message.took);
    }

    /// The time within which so many of a hundred were done.
    fn within(&self, percent: usize) -> Option<Duration> {
        let place = (self.took.len() * percent).div_ceil(100).saturating_sub(1);
        self.took.get(place).copied()
    }
}

pub(super) fn show(shown: &Shown<'_>) -> Result<(), ShowError> {
    let mut all = BTreeMap::<(Arc<str>, Arc<str>), Sums>::new();
    let (mut first, mut last) = (u64::MAX, 0);
    for message in shown.recording.messages(&shown.filter.clone().without_bodies()) {
        let message = message?;
        (first, last) = (first.min(message.time), last.max(message.time));
        all.entry((message.service.clone(), message.connection.clone())).or_default().add(&message);
    }
    all.values_mut().for_each(|sums| sums.took.sort_unstable());
    let span = Duration::from_micros(last.saturating_sub(first));
    let lost = shown.recording.lost()?;
    let text = match shown.is_json {
        true => format!("{:#}\n", to_json(&all, span, lost)),
        false => table(&all, span, lost, shown),
    };
    Ok(print(&text)?)
}

type All = BTreeMap<(Arc<str>, Arc<str>), Sums>;

fn table(all: &All, span: Duration, lost: u64, shown: &Shown<'_>) -> String {
    let shown_time = |took: Option<Duration>| took.map(|took| time(took.as_secs_f64())).unwrap_or_default();
    let row = |((service, connection), sums): (&(Arc<str>, Arc<str>), &Sums)| {
        vec![
            cell(service),
            cell(connection),
            sums.came.to_string(),
            sums.went.to_string(),
            sums.bytes.to_string(),
            format!("{:.1}", rate(sums, span)),
            if sums.bad > 0 { shown.palette.red(&sums.bad.to_string()) } else { "0".to_owned() },
            shown_time(sums.within(50)),
            shown_time(sums.within(99)),
        ]
    };
    let heads = HEADS.map(|head| shown.palette.bold(head)).to_vec();
    let rows: Vec<_> = std::iter::once(heads).chain(all.iter().map(row)).collect();
    let messages: u64 = all.values().map(|sums| sums.came + sums.went).sum();
    let losses = if lost > 0 { format!("; {lost} more were seen and had no room") } else { String::new() };
    let span = span.as_secs_f64();
    format!(
        "{}{messages} messages in {span:.3} s{losses}\n",
        columns::text(&aligned(&rows, &[2, 3, 4, 5, 6, 7, 8]))
    )
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn rate(sums: &Sums, span: Duration) -> f64 {
    let seconds = span.as_secs_f64();
    if seconds > 0.0 { (sums.came + sums.went) as f64 / seconds } else { 0.0 }
}

fn to_json(all: &All, span: Duration, lost: u64) -> Json {
    let micros = |took: Option<Duration>| took.map(|took| took.as_micros());
    let one = |((service, connection), sums): (&(Arc<str>, Arc<str>), &Sums)| {
        json!({
            "service": &**service,
            "connection": &**connection,
            "in": sums.came,
            "out": sums.went,
            "bytes": sums.bytes,
            "per_second": rate(sums, span),
            "bad": sums.bad,
            "p50": micros(sums.within(50)),
            "p99": micros(sums.within(99)),
        })
    };
    let connections: Vec<Json> = all.iter().map(one).collect();
    json!({ "seconds": span.as_secs_f64(), "lost": lost, "connections": connections })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_seen() {
        let took = (1..=100).map(Duration::from_micros).collect();
        let sums = Sums { took, ..Sums::default() };
        assert_eq!(sums.within(50), Some(Duration::from_micros(50)));
        assert_eq!(sums.within(99), Some(Duration::from_micros(99)));
        assert_eq!(Sums::default().within(99), None);
    }
}
