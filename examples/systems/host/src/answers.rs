//! Answers: what a reading says, in a sentence.

use std::fmt;

use crate::alarms::Alarm;
use crate::reading::Reading;

/// The questions that can be asked.
pub const QUESTIONS: [&str; 6] = ["load", "memory", "disks", "network", "busiest", "alarms"];

/// The answer to one of [`QUESTIONS`]; None to any other.
#[must_use]
pub fn answer(question: &str, reading: &Reading, alarms: &[Alarm]) -> Option<String> {
    Some(match question {
        "load" => load(reading),
        "memory" => memory(reading),
        "disks" => disks(reading),
        "network" => network(reading),
        "busiest" => busiest(reading),
        "alarms" => raised(alarms),
        _ => return None,
    })
}

fn load(reading: &Reading) -> String {
    let load = reading.load;
    format!(
        "load {:.2}, {:.2} and {:.2} over 1, 5 and 15 minutes on {} cores, of which {} are in use",
        load.one,
        load.five,
        load.fifteen,
        reading.cores,
        Percent(reading.cpu)
    )
}

fn memory(reading: &Reading) -> String {
    let memory = &reading.memory;
    let swap = &reading.swap;
    let swap = match swap.total {
        0 => "no swap".to_owned(),
        _ => format!("{} of {} swap", Bytes(swap.used()), Bytes(swap.total)),
    };
    format!(
        "{} of {} memory in use, {} left, {swap}",
        Bytes(memory.used()),
        Bytes(memory.total),
        Bytes(memory.available)
    )
}

fn disks(reading: &Reading) -> String {
    let disk = |disk: &crate::reading::Disk| {
        format!(
            "{} is {} full, {} left",
            disk.mount,
            Percent(disk.space.share()),
            Bytes(disk.space.available)
        )
    };
    joined(reading.disks.iter().map(disk), "no disks")
}

fn network(reading: &Reading) -> String {
    let rate = |bytes: f64| Bytes(bytes as u64);
    format!("{}/s received, {}/s sent", rate(reading.network.received), rate(reading.network.sent))
}

fn busiest(reading: &Reading) -> String {
    let process = |process: &crate::reading::Process| {
        format!("{} ({}) at {} of one core", process.name, process.pid, Percent(process.cpu))
    };
    joined(reading.busiest.iter().map(process), "no processes")
}

fn raised(alarms: &[Alarm]) -> String {
    joined(alarms.iter().map(ToString::to_string), "no alarms")
}

fn joined(parts: impl Iterator<Item = String>, none: &str) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { none.to_owned() } else { parts.join("; ") }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Alarm { what, value, limit, raised } = self;
        let side = if *raised { "over" } else { "no longer over" };
        match what.as_str() {
            "load" => write!(f, "{what} {value:.2} for each core, {side} {limit:.2}"),
            _ => write!(f, "{what} {} full, {side} {}", Percent(*value), Percent(*limit)),
        }
    }
}

/// A share for people: `7 %`.
pub struct Percent(pub f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} %", self.0 * 100.0)
    }
}

/// Bytes for people: `512 B`, `1.5 GiB`.
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut size = self.0 as f64 / 1024.0;
        let mut units = UNITS.iter();
        let mut unit = units.next();
        // 1023.96 would be written as 1024.0.
        while size >= 1023.95
            && let Some(larger) = units.next()
        {
            size /= 1024.0;
            unit = Some(larger);
        }
        write!(f, "{size:.1} {}", unit.unwrap_or(&"B"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::{Limits, Watch};
    use crate::reading::tests::reading;

    #[test]
    fn every_question_has_an_answer() {
        let reading = reading();
        let limits = Limits { load_per_core: 0.2, memory: 0.9, disk: 0.9 };
        let alarms = Watch::default().compare(&reading, &limits);
        let answers = QUESTIONS.map(|question| answer(question, &reading, &alarms).unwrap());
        assert_eq!(
            answers,
            [
                "load 0.52, 0.48 and 0.40 over 1, 5 and 15 minutes on 2 cores, of which 25 % are in use",
                "4.0 GiB of 16.0 GiB memory in use, 12.0 GiB left, no swap",
                "/ is 61 % full, 39.0 GiB left; /data is 98 % full, 20.0 GiB left",
                "1.2 MiB/s received, 2.9 KiB/s sent",
                "rustc (4242) at 98 % of one core; init (1) at 0 % of one core",
                "load 0.26 for each core, over 0.20; disk /data 98 % full, over 90 %",
            ]
        );
        assert_eq!(answer("alarms", &reading, &[]).as_deref(), Some("no alarms"));
        assert_eq!(answer("weather", &reading, &[]), None);
    }

    #[test]
    fn bytes_read_well() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
