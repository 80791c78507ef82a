//! `flow show`: what happened to a flow.

use std::io::stdout;
use std::process::ExitCode;

use serde_json::{Map, Value as Json, json};

use super::calls::{cut, seconds_text};
use super::command::failed_with;
use super::list::painted;
use super::steps::{Steps, end_json, utc};
use super::store;
use crate::flow::history::{End, Event, Started};
use crate::flow::{FlowError, FlowInfo, Flows};
use crate::launcher::arguments::Options;
use crate::launcher::terminal::Palette;
use crate::launcher::{exit, report};
use crate::model::Problem;
use crate::store::Timestamp;
use crate::value::Value;

/// Everything that `show` shows.
struct Story {
    info: FlowInfo,
    started: Started,
    history: Vec<(Timestamp, u64, Event)>,
    published: Vec<(Value, Value)>,
    end: Option<End>,
}

/// Shows a flow's history.
///
/// # Errors
/// There is no such store.
pub(super) fn show(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    let flows = store::open(options)?;
    let id = options.positional.as_deref().unwrap_or_default();
    let story = match Story::read(&flows, id) {
        Ok(story) => story,
        Err(error) => return Ok(failed_with(&flows, &error)),
    };
    let text = match options.json {
        true => format!("{:#}\n", story.to_json()),
        false => story.to_text(options.color.palette(&stdout())),
    };
    Ok(report::print(&text, exit::OK))
}

impl Story {
    fn read(flows: &Flows, id: &str) -> Result<Self, FlowError> {
        Ok(Self {
            info: flows.get(id)?,
            started: flows.started(id)?,
            history: flows.since(id, 0)?,
            published: flows.published(id)?,
            end: flows.end(id)?,
        })
    }

    fn to_json(&self) -> Json {
        let mut json = head_json(&self.info, &self.started);
        json["file"] = self.started.file.clone().into();
        json["function"] = self.started.function.clone().into();
        json["args"] = args_json(&self.started.args);
        json["source"] = self.started.source.clone().into();
        json["parent"] = self.started.parent.clone().into();
        json["forked_from"] = match &self.started.forked_from {
            Some((flow, step)) => json!({"id": flow, "step": step}),
            None => Json::Null,
        };
        json["engine"] = self.started.engine.clone().into();
        json["published"] = Value::Map(self.published.clone()).to_json();
        if let Some(Json::Object(end)) = self.end.as_ref().map(end_json) {
            end.into_iter().for_each(|(name, value)| json[name] = value);
        }
        let entries = Steps::of(&self.history);
        json["steps"] = entries.iter().map(super::steps::Entry::to_json).collect();
        json
    }

    fn to_text(&self, palette: Palette) -> String {
        let Started { name, file, function, args, .. } = &self.started;
        let took = seconds_text(self.info.changed.since(self.info.began).as_secs_f64());
        let mut text = format!(
            "{} {} {}\n",
            palette.bold(name),
            self.info.id,
            painted(self.info.status, self.info.status.word(), palette)
        );
        text.push_str(&match function {
            Some(function) => format!("{file}, {function}({})\n", args_text(args)),
            None => format!("{file}\n"),
        });
        if let Some((flow, step)) = &self.started.forked_from {
            text.push_str(&format!("forked from {flow} at step {step}\n"));
        }
        if let Some(parent) = &self.started.parent {
            text.push_str(&format!("started by flow {parent}\n"));
        }
        let ended = if self.info.status.has_ended() { "took" } else { "the last of it after" };
        text.push_str(&format!("started {}, {ended} {took}\n\n", utc(self.info.began)));
        text.extend(Steps::of(&self.history).iter().map(|entry| entry.to_text(palette)));
        for (name, value) in &self.published {
            let name = name.as_str().unwrap_or_default();
            text.push_str(&format!("published {name} = {}\n", cut(&value.to_json().to_string())));
        }
        if let Some(End::Failed(failure) | End::Cancelled(failure)) = &self.end {
            text.push_str(&format!("\n{}\n", failure.traceback.trim_end()));
        }
        text
    }
}

/// What a listing has of a flow, for other programs.
pub(super) fn head_json(info: &FlowInfo, started: &Started) -> Json {
    json!({
        "id": info.id,
        "name": started.name,
        "status": info.status.word(),
        "began": utc(info.began),
        "changed": utc(info.changed),
    })
}

fn args_json(args: &[(String, Value)]) -> Json {
    let args: Map<String, Json> = args.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
    Json::Object(args)
}

/// Arguments, as a call in the script would have them.
pub(super) fn args_text(args: &[(String, Value)]) -> String {
    let args = args.iter().map(|(name, value)| format!("{name}={}", cut(&value.to_json().to_string())));
    args.collect::<Vec<_>>().join(", ")
}
