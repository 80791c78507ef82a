//! `flow schedule`: scripts that are started again and again.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Map, Value as Json, json};

use super::command::{absent, failed};
use super::show::args_text;
use super::start::refused;
use super::steps::utc;
use super::{script, store};
use crate::flow::connect::cron::Cron;
use crate::flow::engine::Monty;
use crate::flow::{Flows, Schedule};
use crate::launcher::arguments::Options;
use crate::launcher::{exit, report};
use crate::model::Problem;

/// Adds or changes a schedule, or does what stands in the place of its times.
///
/// # Errors
/// All that is wrong with the command line and the script.
pub(super) fn schedule(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    match (options.positional.as_deref().unwrap_or_default(), options.further.first()) {
        ("list", None) => list(options),
        ("remove", Some(name)) => remove(name, options),
        ("remove", None) => Err(vec![Problem::missing("command line", "NAME: which schedule is removed")]),
        (cron, Some(file)) => add(cron, file, options),
        (_, None) => {
            let problem = Problem::missing("command line", "FILE: the script that is started then");
            Err(vec![problem.with_hint("CRON has blanks in it, so it stands in quotes")])
        }
    }
}

fn add(cron: &str, file: &str, options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let read = cron
        .parse::<Cron>()
        .map_err(|error| vec![Problem::new("CRON", error.to_string(), format!("{cron:?}"))]);
    let start = script::start(file, options.further.get(1).map(String::as_str), options);
    let (cron, start) = report::both(read, start)?;
    let stem = || Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = options.flows.id.clone().unwrap_or_else(stem);
    let flows = Flows::of(&store::open_or_make(options)?.0);
    let is_new = match flows.schedule(&Monty, &name, &cron, &start) {
        Ok(is_new) => is_new,
        Err(error) => return refused(&flows, &error),
    };
    let next = match flows.store().now() {
        Ok(now) => cron.next(now).map(utc),
        Err(error) => return Ok(failed(&error.into())),
    };
    let text = match options.json {
        true => format!("{}\n", json!({"schedule": name, "changed": is_new, "next": next})),
        false => format!("schedule {name}: next at {}\n", next.unwrap_or_else(|| "no time".to_owned())),
    };
    Ok(report::print(&text, exit::OK))
}

fn list(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let schedules = match store::open(options)?.schedules() {
        Ok(schedules) => schedules,
        Err(error) => return Ok(failed(&error)),
    };
    let text = match options.json {
        true => schedules.iter().map(|schedule| format!("{}\n", to_json(schedule))).collect(),
        false if schedules.is_empty() => "no schedules\n".to_owned(),
        false => table(&schedules),
    };
    Ok(report::print(&text, exit::OK))
}

fn to_json(schedule: &Schedule) -> Json {
    let Schedule { name, cron, file, function, args, next } = schedule;
    let args: Map<String, Json> = args.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
    json!({
        "schedule": name,
        "cron": cron,
        "file": file,
        "function": function,
        "args": args,
        "next": next.map(utc),
    })
}

fn table(schedules: &[Schedule]) -> String {
    let widest = |length: fn(&Schedule) -> usize| schedules.iter().map(length).max().unwrap_or(0);
    let names = widest(|schedule| schedule.name.chars().count());
    let crons = widest(|schedule| schedule.cron.chars().count());
    let line = |schedule: &Schedule| {
        let Schedule { name, cron, file, function, args, next } = schedule;
        let next = next.map_or_else(|| "never".to_owned(), utc);
        let call = function.as_ref().map(|function| format!(", {function}({})", args_text(args)));
        format!("{name:<names$}  {cron:<crons$}  next {next}  {file}{}\n", call.unwrap_or_default())
    };
    schedules.iter().map(line).collect()
}

fn remove(name: &str, options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let flows = store::open(options)?;
    match flows.unschedule(name) {
        Ok(true) if options.json => {
            Ok(report::print(&format!("{}\n", json!({"schedule": name, "removed": true})), exit::OK))
        }
        Ok(true) => Ok(report::print(&format!("schedule {name} is removed\n"), exit::OK)),
        Ok(false) => {
            let names: Vec<String> =
                flows.schedules().unwrap_or_default().into_iter().map(|schedule| schedule.name).collect();
            Ok(absent("schedule", name, &names))
        }
        Err(error) => Ok(failed(&error)),
    }
}
