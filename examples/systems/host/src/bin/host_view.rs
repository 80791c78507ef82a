//! Shows this machine as live bars: follows the figures that `host_sensor` keeps and the alarms that `host_answers` has
//! raised, and draws them once in a while.
//!
//! Under `service_framework up` on a terminal the bars are a panel that `up` keeps below all lines. On a terminal of
//! its own they are redrawn in place. Anywhere else each time is one line.
//!
//! Run with `service_framework -s host_view -a addresses/host/host_view.json`.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use host_system::messages::{self, FIGURES, RAISED, Raised};
use host_system::reading::Reading;
use host_system::view::View;
use serde::Deserialize;
use service_framework::model::{ConfigModel, StateModel, Type};
use service_framework::service::{Config, States};
use service_framework::value::TimeDelta;
use service_framework::{Result, Service};

#[derive(Deserialize)]
struct Settings {
    /// Time between two pictures.
    every: TimeDelta,
}

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    Service::new("host_view")
        .version(env!("CARGO_PKG_VERSION"))
        .config(ConfigModel::new().optional("every", Type::TimeDelta, Duration::from_secs(1)))
        .state(StateModel::delta_in(FIGURES, messages::figures()))
        .state(messages::raised(StateModel::full_in(RAISED)))
        .init_function(show)
}

/// Draws beside the loop, which keeps the states current.
async fn show(mut states: States, config: Config) -> Result {
    let settings: Settings = config.to()?;
    let mut turns = tokio::time::interval(settings.every.magnitude().max(Duration::from_millis(50)));
    let mut screen = Screen::of_process();
    tokio::spawn(async move {
        loop {
            turns.tick().await;
            states.refresh();
            if let Err(error) = draw(&mut screen, &states) {
                eprintln!("nothing to be seen: {error}");
            }
        }
    });
    Ok(())
}

/// Draws the states as they are, once there is something.
fn draw(screen: &mut Screen, states: &States) -> Result {
    let figures = states.delta(FIGURES)?;
    if figures.is_empty() {
        return Ok(());
    }
    let reading: Reading = figures.read()?;
    let raised: Raised = states.full(RAISED)?.read()?.unwrap_or_default();
    let age = figures.status().stale_for().unwrap_or_default().as_secs_f64();
    Ok(screen.show(&reading, &raised, age)?)
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

    fn show(&mut self, reading: &Reading, raised: &Raised, age: f64) -> io::Result<()> {
        let colour =
            !matches!(self, Screen::Lines) && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let view = View { reading, alarms: &raised.alarms, age, colour };
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
