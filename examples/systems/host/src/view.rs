//! The view: a reading as live bars, or as one line where nothing can be redrawn.

use crate::alarms::Alarm;
use crate::answers::{Bytes, Percent};
use crate::reading::Reading;

const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const RED: u8 = 31;

/// What is drawn.
pub struct View<'a> {
    /// The machine.
    pub reading: &'a Reading,
    /// What is over its limit.
    pub alarms: &'a [Alarm],
    /// How long nothing has been heard of the sensor, in seconds.
    pub age: f64,
    /// Whether colours may be used.
    pub colour: bool,
}

/// After so many seconds without word of the sensor it is said.
const OLD: f64 = 5.0;

impl View<'_> {
    /// The rows of a panel that is so many columns wide.
    #[must_use]
    pub fn panel(&self, columns: usize) -> Vec<String> {
        let reading = self.reading;
        let load = reading.load;
        let mut rows = vec![
            self.title(),
            self.row("cpu", reading.cpu, &format!("{:>5}", Percent(reading.cpu).to_string()), columns),
            self.row(
                "load",
                load.one / reading.cores.max(1) as f64,
                &format!("{:5.2} {:.2} {:.2} on {} cores", load.one, load.five, load.fifteen, reading.cores),
                columns,
            ),
            self.space("memory", reading.memory, columns),
        ];
        if reading.swap.total > 0 {
            rows.push(self.space("swap", reading.swap, columns));
        }
        rows.extend(reading.disks.iter().map(|disk| self.space(&disk.mount, disk.space, columns)));
        rows.push(format!("{:LABEL$} {}", "network", self.traffic()));
        rows.push(format!("{:LABEL$} {}", "busiest", self.busiest()));
        rows.extend(
            self.alarms.iter().map(|alarm| self.painted(&format!("{:LABEL$} {alarm}", "alarm"), RED)),
        );
        rows
    }

    /// All that matters in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let reading = self.reading;
        let alarms: String = self.alarms.iter().map(|alarm| format!(" | {alarm}")).collect();
        format!(
            "cpu {} {:>5} | load {:.2} | memory {} {:>5} | {} | {}{}",
            bar(reading.cpu, 10),
            Percent(reading.cpu).to_string(),
            reading.load.one,
            bar(reading.memory.share(), 10),
            Percent(reading.memory.share()).to_string(),
            self.traffic(),
            self.busiest(),
            self.painted(&alarms, RED),
        )
    }

    fn title(&self) -> String {
        let up = self.reading.up;
        let title = format!(
            "{}, up {} d {:02} h {:02} min",
            self.reading.host,
            up / 86_400,
            up / 3600 % 24,
            up / 60 % 60
        );
        match self.age > OLD {
            true => self.painted(&format!("{title}, not read for {:.0} s", self.age), RED),
            false => title,
        }
    }

    fn space(&self, label: &str, space: crate::reading::Space, columns: usize) -> String {
        let text = format!(
            "{:>5}  {} of {}",
            Percent(space.share()).to_string(),
            Bytes(space.used()),
            Bytes(space.total)
        );
        self.row(label, space.share(), &text, columns)
    }

    /// A label, a bar, and what it means.
    fn row(&self, label: &str, share: f64, text: &str, columns: usize) -> String {
        let length = columns.saturating_sub(LABEL + TEXT).clamp(10, 60);
        let colour = match share {
            share if share < 0.7 => GREEN,
            share if share < 0.9 => YELLOW,
            _ => RED,
        };
        format!("{:LABEL$} {} {text}", shortened(label), self.painted(&bar(share, length), colour))
    }

    fn traffic(&self) -> String {
        let network = self.reading.network;
        format!("in {}/s, out {}/s", Bytes(network.received as u64), Bytes(network.sent as u64))
    }

    /// Those processes that do something, and the first in any case.
    fn busiest(&self) -> String {
        let processes = self.reading.busiest.iter().enumerate();
        let busy = processes.filter(|(index, process)| *index == 0 || process.cpu >= 0.01);
        let texts =
            busy.take(3).map(|(_, process)| format!("{:.NAME$} {}", process.name, Percent(process.cpu)));
        texts.collect::<Vec<_>>().join(", ")
    }

    fn painted(&self, text: &str, colour: u8) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Columns of a label.
const LABEL: usize = 10;
/// Columns of a process's name.
const NAME: usize = 15;
/// Columns that are kept for what stands behind a bar.
const TEXT: usize = 32;

/// The end of a label that is too long: of a path, that is the part that tells it from others.
fn shortened(label: &str) -> String {
    match label.chars().count() {
        0..=LABEL => label.to_owned(),
        count => format!("…{}", label.chars().skip(count + 1 - LABEL).collect::<String>()),
    }
}

/// A bar of `length` columns, filled to an eighth of a column.
fn bar(share: f64, length: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * length as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8) + PARTS[eighths % 8];
    bar.extend(std::iter::repeat_n('·', length - bar.chars().count()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::{Limits, Watch};
    use crate::reading::tests::reading;

    #[test]
    fn bars_have_their_length_and_their_share() {
        assert_eq!(bar(0.0, 4), "····");
        assert_eq!(bar(0.5, 4), "██··");
        assert_eq!(bar(0.53, 4), "██▏·");
        assert_eq!(bar(1.0, 4), "████");
        assert_eq!(bar(17.0, 4), "████");
        assert_eq!(bar(f64::NAN, 4), "····");
        for hundredths in 0..=100 {
            assert_eq!(bar(f64::from(hundredths) / 100.0, 7).chars().count(), 7);
        }
    }

    #[test]
    fn long_labels_keep_their_end() {
        assert_eq!(shortened("/srv/photos/2026"), "…otos/2026");
        assert_eq!(shortened("/home"), "/home");
    }

    #[test]
    fn a_panel_has_a_row_for_everything() {
        let reading = reading();
        let limits = Limits { load_per_core: 2.0, memory: 0.9, disk: 0.9 };
        let alarms = Watch::default().compare(&reading, &limits);
        let view = View { reading: &reading, alarms: &alarms, age: 0.3, colour: false };
        let rows = [
            "workbench, up 1 d 02 h 03 min",
            "cpu        ██▌·······  25 %",
            "load       ██▋·······  0.52 0.48 0.40 on 2 cores",
            "memory     ██▌·······  25 %  4.0 GiB of 16.0 GiB",
            "/          ██████▏···  61 %  61.0 GiB of 100.0 GiB",
            "/data      █████████▊  98 %  980.0 GiB of 1000.0 GiB",
            "network    in 1.2 MiB/s, out 2.9 KiB/s",
            "busiest    rustc 98 %",
            "alarm      disk /data 98 % full, over 90 %",
        ];
        let panel = view.panel(52);
        assert_eq!(panel.join("\n"), rows.join("\n"));
    }

    #[test]
    fn an_old_reading_is_said_to_be_old() {
        let reading = reading();
        let view = View { reading: &reading, alarms: &[], age: 61.0, colour: true };
        assert_eq!(view.panel(80)[0], "\x1b[31mworkbench, up 1 d 02 h 03 min, not read for 61 s\x1b[0m");
    }

    #[test]
    fn a_line_says_it_all() {
        let reading = reading();
        let view = View { reading: &reading, alarms: &[], age: 0.3, colour: false };
        assert_eq!(
            view.line(),
            "cpu ██▌·······  25 % | load 0.52 | memory ██▌·······  25 % | in 1.2 MiB/s, out 2.9 KiB/s | rustc 98 %"
        );
    }
}
