//! The command line: what it asks for, served until a signal comes.

use std::process::ExitCode;
use std::sync::mpsc::channel;

use super::server::Dashboard;
use super::settings::{Listen, Settings, Shows};
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::{exit, report, signals};
use crate::model::Problem;

/// Serves the page until a signal comes.
///
/// # Errors
/// The command line says no place.
pub(in crate::launcher) fn act(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let listen = options.dashboard.listen.as_deref();
    let listen =
        listen.map(|text| Listen::read("--listen", text)).transpose().map_err(|problem| vec![problem])?;
    let settings = Settings {
        listen: listen.unwrap_or_default(),
        shows: options.positional.clone().map_or(Shows::All, Shows::System),
        allow_actions: options.dashboard.allow_actions,
    };
    Ok(ExitCode::from(serve(&settings)))
}

fn serve(settings: &Settings) -> u8 {
    let (sender, stop) = channel::<()>();
    // Whoever waits may have gone.
    let asked = signals::on_stop(move |_| drop(sender), || {});
    match asked.and_then(|()| Dashboard::start(settings)) {
        Ok(dashboard) => {
            let does = if settings.allow_actions { "" } else { " (it only shows: --allow_actions)" };
            report::print(&format!("{}\n", dashboard.url()), exit::OK);
            say!("serving until Ctrl-C{does}");
            // It ends when the sender is dropped.
            let _ = stop.recv();
            exit::OK
        }
        Err(error) => {
            say!("error: dashboard: {error}");
            exit::FAILED
        }
    }
}

/// What `up` is to serve.
///
/// # Errors
/// The command line says no place, or allows actions of no page.
pub(in crate::launcher) fn beside_up(options: &Options) -> Result<Option<Settings>, Vec<Problem>> {
    let allow_actions = options.dashboard.allow_actions;
    let listen = match options.dashboard.beside_up.as_deref() {
        None if allow_actions => {
            return Err(vec![Problem::missing("--allow_actions", "--dashboard, the page that it is about")]);
        }
        None => return Ok(None),
        Some("") => Listen::default(),
        Some(text) => Listen::read("--dashboard", text).map_err(|problem| vec![problem])?,
    };
    Ok(Some(Settings { listen, shows: Shows::Own, allow_actions }))
}
