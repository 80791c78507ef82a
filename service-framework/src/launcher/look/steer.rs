//! What changes a running service or system: `log-level`, `drain`, `restart`, `stop`, `down`; and `describe NAME`.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::failed;
use super::found::{self, Found, ask, ask_soon, text};
use crate::launcher::arguments::{self, Options};
use crate::launcher::asyncapi::{self, Document, Listens};
use crate::launcher::control::message::Question;
use crate::launcher::control::place::{self, Kind};
use crate::launcher::{describe as description, exit, report};
use crate::model::{Problem, ServiceModel, Side};

/// How long it may take until something is done that ends or starts processes.
const LONG: Duration = Duration::from_secs(600);

/// How often one looks whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Asks each of these, and prints what they say.
fn each(
    wanted: &[(Found, u32)],
    options: &Options,
    question: &Question,
    shown: impl Fn(&str, &Json) -> String,
) -> ExitCode {
    let mut answers = Vec::new();
    for (found, pid) in wanted {
        let name = found.full_name();
        match ask_soon(*pid, question) {
            Ok(answer) => answers.push((name, answer)),
            Err(error) => return failed(&name, &error),
        }
    }
    let text = match options.json {
        true => {
            let named = |(name, answer): &(String, Json)| {
                let mut answer = answer.clone();
                answer["name"] = json!(name);
                answer
            };
            format!("{:#}\n", Json::from_iter(answers.iter().map(named)))
        }
        false => answers.iter().map(|(name, answer)| shown(name, answer)).collect(),
    };
    report::print(&text, exit::OK)
}

/// The model of a running service, and where it listens.
pub(in crate::launcher) fn describe(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let Some((found, pid)) = found::running(options.positional.as_deref())?.into_iter().next() else {
        return Ok(ExitCode::from(exit::FAILED));
    };
    let answer = match ask_soon(pid, &Question::new("describe")) {
        Ok(answer) => answer,
        Err(error) => return Ok(failed(&found.full_name(), &error)),
    };
    if options.json {
        return Ok(report::print(&format!("{answer:#}\n"), exit::OK));
    }
    let model = ServiceModel::from_json(answer.get("model").unwrap_or(&Json::Null), None)?;
    if options.asyncapi {
        return Ok(asyncapi::print(&Document::of(&model, &listening(&answer))));
    }
    let listens = answer.get("listens").and_then(Json::as_object).into_iter().flatten();
    let listens = listens.map(|(socket, at)| format!("  {socket}  {}\n", at.as_str().unwrap_or_default()));
    let listens: String = listens.collect();
    let heading = if listens.is_empty() { "" } else { "\nlistens\n" };
    let model = description::table(&model, options.color.palette(&std::io::stdout()));
    Ok(report::print(&format!("{model}{heading}{listens}"), exit::OK))
}

/// Where a running service listens.
fn listening(answer: &Json) -> Vec<Listens> {
    let listens = answer.get("listens").and_then(Json::as_object).into_iter().flatten();
    let read = |(socket, at): (&String, &Json)| {
        let (side, rest) = socket.split_once('.')?;
        let (name, _) = rest.rsplit_once('.')?;
        let side = Side::ALL.into_iter().find(|known| known.as_str() == side)?;
        Some((side, name.to_owned(), at.as_str()?.to_owned()))
    };
    listens.filter_map(read).collect()
}

pub(super) fn log_level(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let level = options.further.first().map(String::as_str).unwrap_or_default();
    if let Err(expected) = arguments::level(level) {
        return Err(vec![Problem::new("LEVEL", expected, format!("{level:?}"))]);
    }
    let question = Question::new("log_level").with("level", level);
    let wanted = found::running(options.positional.as_deref())?;
    Ok(each(&wanted, options, &question, |name, answer| {
        format!("{name}: {}, until now {}\n", text(answer, "level"), text(answer, "before"))
    }))
}

/// Has a service take nothing new; waits until what runs has ended, if it is told to.
pub(super) fn drain(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let wanted = found::running(options.positional.as_deref())?;
    for (found, pid) in &wanted {
        let asked = ask_soon(*pid, &Question::new("drain")).and_then(|_| drained(*pid, options.timeout));
        if let Err(error) = asked {
            return Ok(failed(&found.full_name(), &error));
        }
    }
    Ok(each(&wanted, options, &Question::new("ping"), |name, answer| {
        let handlers = answer.get("handlers").and_then(Json::as_u64);
        let still = handlers.map(|count| format!(", {count} still running")).unwrap_or_default();
        format!("{name}: {}{still}\n", text(answer, "state"))
    }))
}

fn drained(pid: u32, within: Duration) -> Result<(), crate::launcher::control::client::AskError> {
    let until = Instant::now() + within;
    while text(&ask_soon(pid, &Question::new("ping"))?, "state") == "draining" && Instant::now() < until {
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

pub(super) fn restart(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let wanted = found::named(options.positional.as_deref())?;
    let Some((_, up)) = wanted.first().and_then(|found| found.system.clone()) else {
        let expected = "a service of a system, which starts it again";
        return Err(vec![Problem::new("NAME", expected, "one that runs by itself")]);
    };
    Ok(of_system(up, "restart", &wanted, options, "ready again"))
}

/// Stops a service: through its system, which then does not start it again, or by itself.
pub(super) fn stop(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let wanted = found::named(options.positional.as_deref())?;
    if let Some((_, up)) = wanted.first().and_then(|found| found.system.clone()) {
        return Ok(of_system(up, "stop", &wanted, options, "stopped"));
    }
    let running = found::running(options.positional.as_deref())?;
    let code = each(&running, options, &Question::new("stop"), |name, _| format!("{name}: stopping\n"));
    running.iter().for_each(|(_, pid)| wait_until_gone(Kind::Service, *pid));
    Ok(code)
}

/// Has `up` do something with its services, and waits until it is done.
fn of_system(up: u32, what: &str, wanted: &[Found], options: &Options, done: &str) -> ExitCode {
    let names: Vec<&str> = wanted.iter().map(|found| found.name.as_str()).collect();
    let question = Question::new(what).with("services", names.clone());
    match ask(Kind::System, up, &question, LONG) {
        Err(error) => failed(&names.join(", "), &error),
        Ok(answer) if options.json => report::print(&format!("{answer:#}\n"), exit::OK),
        Ok(_) => report::print(&format!("{}: {done}\n", names.join(", ")), exit::OK),
    }
}

/// Stops a whole system, and waits for its end.
pub(super) fn down(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let (name, pid) = found::system(options.positional.as_deref())?;
    if let Err(error) = ask(Kind::System, pid, &Question::new("down"), LONG) {
        return Ok(failed(&name, &error));
    }
    wait_until_gone(Kind::System, pid);
    let text = match options.json {
        true => format!("{:#}\n", json!({ "name": name, "state": "stopped" })),
        false => format!("{name}: stopped\n"),
    };
    Ok(report::print(&text, exit::OK))
}

fn wait_until_gone(kind: Kind, pid: u32) {
    let until = Instant::now() + LONG;
    while place::live().contains(&(kind, pid)) && Instant::now() < until {
        thread::sleep(LOOK_EVERY);
    }
}
