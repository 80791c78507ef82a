//! One line for one event, with the workflow id of the handler that runs on this thread.

use std::fmt;
use std::sync::OnceLock;
use std::time::SystemTime;

use serde_json::json;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::Format;
use super::clock::Utc;
use super::fields::{Object, Text, one_word};
use crate::launcher::terminal::Palette;

/// Writes the id of the workflow that this thread works for, and says whether there is one.
pub(crate) type WorkflowSource = fn(&mut dyn fmt::Write) -> bool;

// Asked when a line is written, so that a message which logs nothing pays nothing.
static WORKFLOW: OnceLock<WorkflowSource> = OnceLock::new();

/// Says whom to ask for the workflow id. The first call counts.
pub(crate) fn set_workflow_source(source: WorkflowSource) {
    let _ = WORKFLOW.set(source);
}

/// Characters of a workflow id that a line shows. Peers choose ids, and one may be as long as a message.
const ID_LENGTH: usize = 128;

fn workflow_id() -> Option<String> {
    let mut id = Beginning::default();
    WORKFLOW.get().is_some_and(|source| source(&mut id)).then_some(id.text)
}

/// Keeps the first [`ID_LENGTH`] characters of what is written to it, and `…` for all others.
#[derive(Default)]
struct Beginning {
    text: String,
    length: usize,
}

impl fmt::Write for Beginning {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let mut letters = more.chars();
        for letter in letters.by_ref().take(ID_LENGTH.saturating_sub(self.length)) {
            self.text.push(letter);
            self.length += 1;
        }
        if self.length == ID_LENGTH && letters.next().is_some() {
            self.text.push('…');
            self.length += 1;
        }
        Ok(())
    }
}

/// Writes events as lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) service: &'static str,
    pub(super) format: Format,
    pub(super) palette: Palette,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        match self.format {
            Format::Human => self.human(writer, event),
            Format::Json => self.json(writer, event),
        }
    }
}

impl Line {
    fn human(&self, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = Text::default();
        event.record(&mut text);
        let time = self.palette.dim(&Utc(SystemTime::now()).to_string());
        write!(writer, "{time} {} ", self.level(*event.metadata().level()))?;
        if let Some(target) = foreign_target(event) {
            write!(writer, "{} ", self.palette.dim(&format!("{target}:")))?;
        }
        write!(writer, "{}{}", text.message, text.fields)?;
        if let Some(id) = workflow_id() {
            write!(writer, "{}", self.palette.dim(&format!(" workflow_id={}", one_word(&id))))?;
        }
        writeln!(writer)
    }

    fn json(&self, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut object = Object::default();
        event.record(&mut object);
        let mut line = json!({
            "time": Utc(SystemTime::now()).to_string(),
            "level": python_name(*event.metadata().level()),
            "service": self.service,
            "target": event.metadata().target(),
            "message": object.message,
        });
        if let Some(id) = workflow_id() {
            line["workflow_id"] = id.into();
        }
        if !object.fields.is_empty() {
            line["fields"] = object.fields.into();
        }
        writeln!(writer, "{line}")
    }

    fn level(&self, level: Level) -> String {
        let name = format!("{:<7}", python_name(level));
        match level {
            Level::ERROR => self.palette.red(&name),
            Level::WARN => self.palette.yellow(&name),
            Level::INFO => self.palette.green(&name),
            _ => self.palette.dim(&name),
        }
    }
}

/// Where an event comes from, if not from the framework.
fn foreign_target<'a>(event: &Event<'a>) -> Option<&'a str> {
    let target = event.metadata().target();
    let root = target.split("::").next();
    (root != Some("service_framework")).then_some(target)
}

/// The names that the command line takes, too.
fn python_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    thread_local! {
        static CURRENT: RefCell<Option<String>> = const { RefCell::new(None) };
    }

    fn current(writer: &mut dyn fmt::Write) -> bool {
        CURRENT.with_borrow(|id| id.as_ref().is_some_and(|id| writer.write_str(id).is_ok()))
    }

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `log` writes, without the time.
    fn written(format: Format, log: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let line = Line { service: "echo", format, palette: Palette::PLAIN };
        let layer = tracing_subscriber::fmt::layer().event_format(line).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_for_people() {
        let text = written(Format::Human, || {
            tracing::warn!(target: "service_framework::loop", peer = "10.0.0.7", why = "two words", n = 3, "lost\na peer");
        });
        assert_eq!(&text[24..], " WARNING lost\\na peer peer=10.0.0.7 why=\"two words\" n=3\n");
        let text = written(Format::Human, || tracing::info!(target: "desk", "hello"));
        assert_eq!(&text[24..], " INFO    desk: hello\n");
    }

    #[test]
    fn a_line_for_machines() {
        let text =
            written(Format::Json, || tracing::error!(target: "desk", n = 3, ok = false, "no \"luck\""));
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["service"], "echo");
        assert_eq!(line["message"], "no \"luck\"");
        assert_eq!(line["fields"], serde_json::json!({"n": 3, "ok": false}));
        assert_eq!(line.get("workflow_id"), None);
    }

    /// A line for people and one for machines, written for the workflow `id`.
    fn written_for(id: impl Into<String>) -> (String, serde_json::Value) {
        set_workflow_source(current);
        CURRENT.set(Some(id.into()));
        let human = written(Format::Human, || tracing::info!(target: "service_framework", "in a handler"));
        let json = written(Format::Json, || tracing::info!("in a handler"));
        CURRENT.set(None);
        (human, serde_json::from_str(&json).unwrap())
    }

    #[test]
    fn lines_of_a_handler_carry_its_workflow_id() {
        let (human, json) = written_for("7f3c_1");
        assert!(human.ends_with("in a handler workflow_id=7f3c_1\n"), "{human}");
        assert_eq!(json["workflow_id"], "7f3c_1");
        assert!(!written(Format::Human, || tracing::info!("outside")).contains("workflow_id"));
    }

    #[test]
    fn a_workflow_id_of_a_peer_cannot_forge_lines_fields_or_colours() {
        let odd = "a\n2026 ERROR\u{1b}[31m b=c\r";
        let (human, json) = written_for(odd);
        assert!(human.ends_with(" workflow_id=\"a\\n2026 ERROR\\u{1b}[31m b=c\\r\"\n"), "{human}");
        assert_eq!(human.matches(char::is_control).collect::<String>(), "\n");
        assert_eq!(json["workflow_id"], odd);
    }

    #[test]
    fn a_long_workflow_id_is_cut() {
        let whole = "é".repeat(ID_LENGTH);
        assert_eq!(written_for(whole.clone()).1["workflow_id"], whole);
        let (human, json) = written_for(whole.repeat(2));
        assert!(human.ends_with(&format!(" workflow_id={whole}…\n")), "{human}");
        assert_eq!(json["workflow_id"], format!("{whole}…"));
    }
}
