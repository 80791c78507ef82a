//! `stats`: what the connections of a service counted and how long things took; and the same between two looks.

use std::io::stdout;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::failed;
use super::found::{self, ask_soon, text};
use crate::launcher::arguments::Options;
use crate::launcher::columns::{self, aligned};
use crate::launcher::control::message::Question;
use crate::launcher::terminal::Palette;
use crate::launcher::{exit, report};
use crate::model::Problem;

const HEADS: [&str; 9] =
    ["connection", "received", "sent", "dropped", "missed", "bad", "failed", "p50", "p99"];

const STATE_HEADS: [&str; 4] = ["state", "status", "number", "keys"];

/// Prints what a service, or each instance of one, has counted since its start.
///
/// # Errors
/// It names nothing that runs.
pub(super) fn stats(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let mut shown = Vec::new();
    for (found, pid) in found::running(options.positional.as_deref())? {
        let name = found.full_name();
        let asked = ask_soon(pid, &Question::new("stats"))
            .and_then(|stats| Ok((stats, ask_soon(pid, &Question::new("states"))?)));
        match asked {
            Ok((stats, states)) => shown.push((name, stats, states)),
            Err(error) => return Ok(failed(&name, &error)),
        }
    }
    let palette = options.color.palette(&stdout());
    let text = match options.json {
        true => format!("{:#}\n", Json::from_iter(shown.iter().map(to_json))),
        false => shown.iter().map(|shown| tables(shown, palette)).collect::<Vec<_>>().join("\n"),
    };
    Ok(report::print(&text, exit::OK))
}

type Shown = (String, Json, Json);

fn to_json((name, stats, states): &Shown) -> Json {
    json!({ "name": name, "connections": stats.get("connections"), "states": states })
}

fn tables((name, stats, states): &Shown, palette: Palette) -> String {
    let connections = stats.get("connections").and_then(Json::as_object).into_iter().flatten();
    let rows = connections.map(|(connection, counts)| row(connection, counts));
    let heads = HEADS.map(|head| palette.bold(head)).to_vec();
    let rows: Vec<_> = std::iter::once(heads).chain(rows).collect();
    let mut text = format!("{}\n", palette.bold(name));
    text.push_str(&columns::text(&aligned(&rows, &[1, 2, 3, 4, 5, 6, 7, 8])));
    let states = states.as_array().map(Vec::as_slice).unwrap_or_default();
    if !states.is_empty() {
        let heads = STATE_HEADS.map(|head| palette.bold(head)).to_vec();
        let rows: Vec<_> = std::iter::once(heads).chain(states.iter().map(state_row)).collect();
        text.push_str(&columns::text(&aligned(&rows, &[2, 3])));
    }
    text
}

fn row(connection: &str, counts: &Json) -> Vec<String> {
    let count = |key: &&str| counts.get(*key).and_then(Json::as_u64).unwrap_or_default().to_string();
    let took = |key| counts.get(key).and_then(Json::as_f64).map(time).unwrap_or_default();
    let counted = HEADS[1..7].iter().map(count);
    std::iter::once(connection.to_owned()).chain(counted).chain([took("p50"), took("p99")]).collect()
}

fn state_row(state: &Json) -> Vec<String> {
    let topic = state.get("topic").and_then(Json::as_str);
    let number = |key| state.get(key).and_then(Json::as_i64).map(|number| number.to_string());
    vec![
        format!(
            "{}.{}{}",
            text(state, "side"),
            text(state, "name"),
            topic.map(|topic| format!(" ({topic})")).unwrap_or_default()
        ),
        text(state, "status").to_owned(),
        number("number").unwrap_or_default(),
        number("keys").unwrap_or_default(),
    ]
}

/// Seconds for people: `12 µs`, `3.4 ms`, `1.20 s`.
pub(crate) fn time(seconds: f64) -> String {
    match seconds {
        ..0.001 => format!("{:.0} µs", seconds * 1e6),
        ..1.0 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

/// What a service did between two looks at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    last: Option<(Instant, Sums)>,
    pub(crate) received: f64,
    pub(crate) sent: f64,
    /// Since its start: lost, refused, failed or not understood.
    pub(crate) errors: u64,
    /// Of what was handled or answered in between; of all if that is nothing.
    pub(crate) p99: Option<f64>,
}

/// All connections of a service together.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    received: u64,
    sent: u64,
}

impl Rates {
    /// Takes in an answer to `stats`.
    pub(crate) fn look(&mut self, stats: &Json, now: Instant) {
        let connections = || stats.get("connections").and_then(Json::as_object).into_iter().flatten();
        let sum = |key: &str| connections().filter_map(|(_, counts)| counts.get(key)?.as_u64()).sum::<u64>();
        let sums = Sums { received: sum("received"), sent: sum("sent") };
        self.errors = ["dropped", "missed", "bad", "failed"].into_iter().map(sum).sum();
        let p99 = connections().filter_map(|(_, counts)| counts.get("p99")?.as_f64());
        self.p99 = p99.reduce(f64::max);
        if let Some((then, before)) = self.last.replace((now, sums)) {
            let seconds = now.saturating_duration_since(then).max(Duration::from_millis(1)).as_secs_f64();
            // A service that was started again counts from nothing.
            let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
            self.received = rate(sums.received, before.received);
            self.sent = rate(sums.sent, before.sent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_time_between_two_looks() {
        let stats = |received: u64| {
            json!({ "connections": {
                "in.ask": { "received": received, "sent": received, "failed": 2, "p99": 0.002 },
                "out.tell": { "sent": 10, "dropped": 1, "p99": null },
            } })
        };
        let (mut rates, now) = (Rates::default(), Instant::now());
        rates.look(&stats(100), now);
        assert_eq!((rates.received, rates.errors, rates.p99), (0.0, 3, Some(0.002)));
        rates.look(&stats(300), now + Duration::from_secs(2));
        assert_eq!((rates.received, rates.sent), (100.0, 100.0));
        rates.look(&stats(5), now + Duration::from_secs(3));
        assert_eq!(rates.received, 0.0, "it was started again");
    }

    #[test]
    fn times_read_well() {
        assert_eq!([0.000_012, 0.003_44, 1.2].map(time), ["12 µs", "3.4 ms", "1.20 s"]);
    }
}
