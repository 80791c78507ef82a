//! A host of one flow, for tests that kill it: `flow_host STORE SCRIPT ID PORT WORLD DIE ARGS`. It dies after so many commits (`c3`), after
//! so many errands that were done and not written yet (`e2`), after so many hooks of programs that were done and not written yet (`h4`), or
//! not at all (`no`). At the end it says what the flow came to, and how many of each there were.

mod deploy;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use service_framework::Value;
use service_framework::flow::connect::callbacks::{
    CallbackSettings, Callbacks, Deliver, DeliverError, Delivered, Delivering,
};
use service_framework::flow::connect::http::{Http, HttpSettings};
use service_framework::flow::connect::{Connector, Errand, OtherFlows, Performing, RunPrograms};
use service_framework::flow::engine::Monty;
use service_framework::flow::history::End;
use service_framework::flow::worker::{Pool, Threads, TurnLimits};
use service_framework::flow::{Delivery, Flows, Host, HostSettings, Start};
use service_framework::program::Engine;
use service_framework::store::Store;

type Failed = Box<dyn std::error::Error>;

/// Counts, and ends this process at a number.
struct Counter {
    counted: AtomicI64,
    /// Zero for never.
    dies_at: i64,
}

impl Counter {
    fn new(die: &str, letter: &str) -> Arc<Self> {
        let dies_at = die.strip_prefix(letter).and_then(|number| number.parse().ok()).unwrap_or_default();
        Arc::new(Self { counted: AtomicI64::new(0), dies_at })
    }

    fn count(&self) {
        // No command of a hook is left behind.
        let _none_runs = deploy::RUNNING.lock();
        if self.counted.fetch_add(1, Ordering::SeqCst) + 1 == self.dies_at {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}

/// Requests or runs of programs, after each of which it may die.
struct Counted {
    inner: Arc<dyn Connector>,
    counter: Arc<Counter>,
}

impl Connector for Counted {
    fn queue(&self) -> &'static str {
        self.inner.queue()
    }

    fn perform(&self, errand: Errand) -> Performing<'_> {
        Box::pin(async move {
            let performed = self.inner.perform(errand).await;
            self.counter.count();
            performed
        })
    }
}

struct ToStore(Flows);

impl Deliver for ToStore {
    fn deliver<'a>(&'a self, id: &'a str, body: Value) -> Delivering<'a> {
        Box::pin(async move {
            let delivered = tokio::task::block_in_place(|| self.0.deliver(id, body));
            delivered.map_err(|error| DeliverError(error.to_string())).map(|delivery| match delivery {
                Delivery::First(_) => Delivered::First,
                Delivery::Again => Delivered::Again,
                Delivery::Unknown => Delivered::Unknown,
            })
        })
    }
}

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [store, script, id, port, world, die, args] = words.as_slice() else {
        return Err("flow_host STORE SCRIPT ID PORT WORLD DIE ARGS".into());
    };
    let flows = Flows::of(&Store::open(&store.parse()?)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listen =
        CallbackSettings { listen: format!("127.0.0.1:{port}").parse()?, ..CallbackSettings::default() };
    let callbacks = runtime.block_on(Callbacks::listen(listen, Arc::new(ToStore(flows.clone()))))?;
    let (commits, errands) = (Counter::new(die, "c"), Counter::new(die, "e"));
    let hooks = Counter::new(die, "h");
    let programs = match script.ends_with("deploy.py") {
        true => Some(deploy::engine(flows.store(), hooks.clone())?),
        false => None,
    };
    let host = host(&flows, world, port, errands.clone(), programs)?;
    let counted = commits.clone();
    host.observe(move |_, _| counted.count());
    host.start_flow(start(script, id, args)?)?;
    while !flows.get(id)?.status.has_ended() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let told = match flows.end(id)? {
        Some(End::Done(value)) => value.to_json().to_string(),
        end => format!("{end:?}"),
    };
    println!("{told}");
    let counted = [commits, errands, hooks].map(|counter| counter.counted.load(Ordering::SeqCst).to_string());
    println!("{}", counted.join(" "));
    host.stop(Duration::from_secs(10));
    runtime.block_on(callbacks.stop());
    Ok(())
}

fn host(
    flows: &Flows,
    world: &str,
    port: &str,
    counter: Arc<Counter>,
    programs: Option<Engine>,
) -> Result<Host, Failed> {
    let http =
        HttpSettings { resolve: vec![format!("wilson.local={world}").parse()?], ..HttpSettings::default() };
    let mut connectors: Vec<Arc<dyn Connector>> = vec![
        Arc::new(Counted { inner: Arc::new(Http::new(http)?), counter: counter.clone() }),
        Arc::new(OtherFlows::new(flows, Arc::new(Monty))),
    ];
    if let Some(engine) = programs {
        connectors.push(Arc::new(Counted { inner: Arc::new(RunPrograms::new(engine)), counter }));
    }
    let settings = HostSettings {
        lease: Duration::from_millis(300),
        public_url: format!("http://127.0.0.1:{port}"),
        save_every: 4,
        ..HostSettings::default()
    };
    let pool = Pool::new(1, TurnLimits::default(), Threads::open(|| Monty))?;
    Ok(Host::start(flows, Arc::new(Monty), Some(pool), connectors, settings)?)
}

fn start(script: &str, id: &str, args: &str) -> Result<Start, Failed> {
    let args: serde_json::Map<String, serde_json::Value> = serde_json::from_str(args)?;
    let mut read = Vec::new();
    for (name, value) in args {
        read.push((name, Value::from_json(&value)?));
    }
    let function = if script.ends_with("reboot.py") { "reboot" } else { "main" };
    let file = Path::new(script).file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Start {
        id: Some(id.to_owned()),
        file,
        source: std::fs::read_to_string(script)?,
        function: Some(function.to_owned()),
        args: read,
        ..Start::default()
    })
}
