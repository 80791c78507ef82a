//! The programs of `examples/programs/deploy`, with its commands as hooks.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use service_framework::program::{Call, Engine, HookError, Hooks, Pool, Settings, Spec};
use service_framework::store::Store;

use super::{Counter, Failed};

/// Held while a command runs.
pub(super) static RUNNING: Mutex<()> = Mutex::new(());

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/programs/deploy")
}

/// Their engine on this store, which goes on with what another one left.
pub(super) fn engine(store: &Store, counter: Arc<Counter>) -> Result<Engine, Failed> {
    let text = std::fs::read_to_string(folder().join("ryu_spec.json"))?;
    let spec = Spec::from_text(&text).map_err(|problems| format!("{problems:?}"))?;
    let names: Vec<String> = spec.hooks().iter().map(|hook| hook.name.clone()).collect();
    let hooks = names.into_iter().fold(Hooks::new(), |hooks, name| {
        let (counter, hook) = (counter.clone(), name.clone());
        hooks.hook(&name, move |pool: &mut Pool, call: &Call| {
            let done = run(&hook, pool, call);
            counter.count();
            done
        })
    });
    let settings = Settings { lease: Duration::from_millis(300), ..Settings::default() };
    let engine = Engine::start(spec, &hooks, store.clone(), settings)?;
    engine.recover()?;
    Ok(engine)
}

fn run(hook: &str, pool: &mut Pool, call: &Call) -> Result<(), HookError> {
    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new("./deploy.py");
    command.arg(hook).current_dir(folder()).env("SERVICE_FRAMEWORK_RUN", &call.run);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(pool.to_json().to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(HookError::new(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let said: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&output.stdout)?;
    pool.replace_json(&said)
}
