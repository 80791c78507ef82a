//! A spec as the JSON from which it is read.

use serde_json::{Map, Value as Json, json};

use super::durations::write_duration;
use super::{Arg, Hook, LockTemplate, OnCrash, Program, Retry, Spec, Target};
use crate::program::plain;

impl Spec {
    /// The spec as [`Spec::from_json`] reads it: references in full, keys left out where they say what holds anyway.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut table = Map::new();
        table.extend(self.version.iter().map(|version| ("version".to_owned(), json!(version))));
        table.insert("name".to_owned(), json!(self.name));
        let programs = self.programs.iter().map(|program| (program.name.clone(), self.program_json(program)));
        table.insert("programs".to_owned(), Json::Object(programs.collect()));
        let hooks = self.hooks.iter().map(|hook| (hook.name.clone(), self.hook_json(hook)));
        table.insert("hooks".to_owned(), Json::Object(hooks.collect()));
        Json::Object(table)
    }

    fn program_json(&self, program: &Program) -> Json {
        let mut table = Map::new();
        insert_text(&mut table, "description", &program.description);
        table.insert("hooks".to_owned(), self.references(&program.hooks));
        table.insert("args".to_owned(), args_json(&program.args));
        table.insert("outputs".to_owned(), args_json(&program.outputs));
        if let Some(timeout) = program.timeout {
            table.insert("timeout".to_owned(), json!(write_duration(timeout)));
        }
        if let Some(locks) = &program.locks {
            table.insert("locks".to_owned(), locks.iter().map(LockTemplate::to_string).collect());
        }
        if program.on_crash != OnCrash::default() {
            table.insert("on_crash".to_owned(), json!(program.on_crash.as_str()));
        }
        Json::Object(table)
    }

    fn hook_json(&self, hook: &Hook) -> Json {
        let mut table = Map::new();
        insert_text(&mut table, "description", &hook.description);
        table.insert("reference".to_owned(), json!(hook.reference));
        table.insert("args".to_owned(), args_json(&hook.args));
        for (key, targets) in [("dependencies", &hook.dependencies), ("rectifiers", &hook.rectifiers)] {
            if !targets.is_empty() {
                table.insert(key.to_owned(), self.references(targets));
            }
        }
        if hook.retry != Retry::default() {
            table.insert("retry".to_owned(), retry_json(&hook.retry));
        }
        if let Some(timeout) = hook.timeout {
            table.insert("timeout".to_owned(), json!(write_duration(timeout)));
        }
        if hook.idempotent {
            table.insert("idempotent".to_owned(), json!(true));
        }
        Json::Object(table)
    }

    fn references(&self, targets: &[Target]) -> Json {
        targets.iter().map(|target| self.reference_to(*target)).collect()
    }
}

fn args_json(args: &[Arg]) -> Json {
    Json::Object(args.iter().map(|arg| (arg.name.clone(), arg_json(arg))).collect())
}

fn arg_json(arg: &Arg) -> Json {
    let mut table = Map::new();
    table.insert("type".to_owned(), json!(arg.kind.as_str()));
    insert_text(&mut table, "description", &arg.description);
    if let Some(default) = &arg.default {
        table.insert("default".to_owned(), plain::to_json(default));
    }
    table.insert("required".to_owned(), json!(arg.required));
    Json::Object(table)
}

/// Waits stand only beside a second attempt.
fn retry_json(retry: &Retry) -> Json {
    match retry.attempts {
        1 => json!({"attempts": 1}),
        attempts => json!({
            "attempts": attempts,
            "backoff": write_duration(retry.backoff),
            "max_backoff": write_duration(retry.max_backoff),
        }),
    }
}

fn insert_text(table: &mut Map<String, Json>, key: &str, text: &str) {
    if !text.is_empty() {
        table.insert(key.to_owned(), json!(text));
    }
}
