//! Shows this machine as live bars: asks `host_answers` once in a while and draws what it says.
//!
//! Under `service_framework up` on a terminal the bars are a panel that `up` keeps below all lines. On a terminal of
//! its own they are redrawn in place. Anywhere else each answer is one line.
//!
//! Run with `service_framework -s host_view -a addresses/host/host_view.json -m`.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use host_system::messages::{self, Answer, Question};
use host_system::view::View;
use serde::Deserialize;
use service_framework::model::{ConfigModel, ConnectionModel, Type};
use service_framework::service::{BlockingToSend, Config, SendError};
use service_framework::value::TimeDelta;
use service_framework::{Result, Service};

#[derive(Deserialize)]
struct Settings {
    /// Time between two questions.
    every: TimeDelta,
}

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    Service::new("host_view")
        .version(env!("CARGO_PKG_VERSION"))
        .config(ConfigModel::new().optional("every", Type::TimeDelta, Duration::from_secs(1)))
        .requester(messages::ask(ConnectionModel::requester("ask")))
        .main(show_answers)
}

fn show_answers(to_send: BlockingToSend, config: Config) -> Result {
    let settings: Settings = config.to()?;
    let every = settings.every.magnitude();
    let mut screen = Screen::of_process();
    loop {
        let question = Question { about: "alarms".to_owned() };
        match to_send.request::<Answer>("ask", question).wait() {
            Ok(answer) => screen.show(&answer)?,
            Err(SendError::Stopping) => return Ok(()),
            // The sensor starts when this service does, and its first reading takes a moment.
            Err(error) if error.code() == Some("no_reading") => {}
            // Whoever answers may come back.
            Err(error) => eprintln!("no answer: {error}"),
        }
        to_send.sleep(every)?;
    }
}

/// Where the bars go.
enum Screen {
    /// To `up`, which shows them as a panel that is so many columns wide.
    Panel(usize),
    /// To a terminal, on which the last ones took so many rows.
    Terminal(usize),
    /// To a file or a pipe.
    Lines,
}

impl Screen {
    fn of_process() -> Self {
        let columns = env::var("SERVICE_FRAMEWORK_COLUMNS").ok().and_then(|columns| columns.parse().ok());
        match columns {
            Some(columns) => Screen::Panel(columns),
            None if io::stdout().is_terminal() => Screen::Terminal(0),
            None => Screen::Lines,
        }
    }

    fn show(&mut self, answer: &Answer) -> io::Result<()> {
        let colour =
            !matches!(self, Screen::Lines) && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let view = View { reading: &answer.reading, alarms: &answer.alarms, age: answer.age, colour };
        let text = match self {
            // A terminal calls these two the beginning and the end of a synchronized update.
            Screen::Panel(columns) => format!("\x1b[?2026h\n{}\x1b[?2026l\n", joined(&view.panel(*columns))),
            Screen::Terminal(rows) => {
                let panel = view.panel(80);
                let back = if *rows == 0 { String::new() } else { format!("\x1b[{rows}A\x1b[J") };
                *rows = panel.len();
                back + &joined(&panel)
            }
            Screen::Lines => view.line() + "\n",
        };
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

fn joined(rows: &[String]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}
