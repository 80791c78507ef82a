//! A service for the examples of flows: it takes jobs, calls back, keeps things, and counts what it did.
//!
//! Run with `flow_world --port 8080`. What has an effect has it once for each `Idempotency-Key`; `GET /ledger` lists all effects, and how
//! often each was asked for.

mod jobs;
mod ledger;
mod measures;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use clap::{Arg, Command, value_parser};
use serde_json::{Value, json};

use jobs::{Callbacks, Jobs};
use ledger::Ledger;

struct Options {
    port: u16,
    job_time: f64,
    callbacks: Callbacks,
    busy: usize,
    refuse: Option<String>,
}

impl Options {
    fn read() -> Self {
        let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).help(help);
        let command = Command::new("flow_world")
            .about("Takes jobs, calls back, keeps things, and counts what it did")
            .arg(
                flag("port", "The port; 0 for any that is free")
                    .default_value("8080")
                    .value_parser(value_parser!(u16)),
            )
            .arg(
                flag("job-time", "How many seconds a job takes")
                    .default_value("1")
                    .value_parser(value_parser!(f64)),
            )
            .arg(
                flag("callbacks", "How often a job that is done calls back: once, twice or never")
                    .default_value("once"),
            )
            .arg(
                flag("busy", "How many requests of each path are refused with 503 before one is answered")
                    .default_value("0")
                    .value_parser(value_parser!(usize)),
            )
            .arg(flag("refuse", "The name of a thing that cannot be put; 409 is the answer"));
        let mut said = command.get_matches();
        Self {
            port: said.remove_one("port").unwrap_or_default(),
            job_time: said.remove_one("job-time").unwrap_or_default(),
            callbacks: Callbacks::of(&said.remove_one::<String>("callbacks").unwrap_or_default()),
            busy: said.remove_one("busy").unwrap_or_default(),
            refuse: said.remove_one("refuse"),
        }
    }
}

struct World {
    options: Options,
    jobs: Jobs,
    state: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    ledger: Ledger,
    things: HashMap<String, Value>,
    refused: HashMap<String, usize>,
}

impl World {
    fn state(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Shared = State<Arc<World>>;

fn main() -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(Options::read()))
}

async fn serve(options: Options) -> std::io::Result<()> {
    let address = SocketAddr::from(([127, 0, 0, 1], options.port));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening at http://{}", listener.local_addr()?);
    let world = Arc::new(World { options, jobs: Jobs::default(), state: Mutex::default() });
    let service = Router::new()
        .route("/api/v3/host/{host}", post(take_job))
        .route("/api/v3/job/{id}", get(job))
        .route("/api/v3/job/{id}/status", get(job_status))
        .route("/figures", get(async || answer(&measures::figures())))
        .route("/crates", get(async || answer(&measures::crates())))
        .route("/crate/{name}", get(async |Path(name): Path<String>| found(measures::one_crate(&name))))
        .route("/thing/{name}", put(put_thing).delete(remove_thing).get(thing))
        .route("/ledger", get(async |State(world): Shared| answer(&world.state().ledger.list())))
        .layer(from_fn_with_state(world.clone(), be_busy))
        .with_state(world);
    axum::serve(listener, service).await
}

/// Refuses the first requests of each path, if it was told to.
async fn be_busy(State(world): Shared, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if path != "/ledger" {
        let busy = world.options.busy;
        let mut state = world.state();
        let refused = state.refused.entry(path).or_default();
        if *refused < busy {
            *refused += 1;
            return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")]).into_response();
        }
    }
    next.run(request).await
}

async fn take_job(
    State(world): Shared,
    Path(host): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let is_new = world.state().ledger.note(&headers, &format!("job of {host}"));
    let id = world.jobs.take(&key_of(&headers));
    if is_new {
        let callbacks = asked["callbacks"].as_array().cloned().unwrap_or_default();
        let times = world.options.callbacks.times();
        tokio::spawn(call_back(world.clone(), id.clone(), callbacks, times));
    }
    answer(&json!({ "job_id": id }))
}

/// Calls back when a job is done.
async fn call_back(world: Arc<World>, id: String, callbacks: Vec<Value>, times: usize) {
    tokio::time::sleep(Duration::from_secs_f64(world.options.job_time)).await;
    for url in callbacks.iter().filter_map(Value::as_str) {
        for _ in 0..times {
            jobs::deliver(url, &json!({ "job_id": id, "status": "SUCCESS" })).await;
        }
    }
}

async fn job(State(world): Shared, Path(id): Path<String>) -> Response {
    let time = world.options.job_time;
    found(world.jobs.status(&id, time).map(|status| json!({ "job_id": id, "status": status })))
}

async fn job_status(State(world): Shared, Path(id): Path<String>) -> Response {
    let time = world.options.job_time;
    found(world.jobs.status(&id, time).map(|status| json!({ "status": status })))
}

async fn put_thing(
    State(world): Shared,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if world.options.refuse.as_ref() == Some(&name) {
        return (StatusCode::CONFLICT, format!("there is no room for {name}")).into_response();
    }
    let Ok(thing) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let mut state = world.state();
    if state.ledger.note(&headers, &format!("put {name}")) {
        state.things.insert(name.clone(), thing);
    }
    answer(&json!({ "name": name }))
}

async fn remove_thing(State(world): Shared, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let mut state = world.state();
    if state.ledger.note(&headers, &format!("remove {name}")) {
        state.things.remove(&name);
    }
    answer(&json!({ "name": name }))
}

async fn thing(State(world): Shared, Path(name): Path<String>) -> Response {
    found(world.state().things.get(&name).cloned())
}

fn key_of(headers: &HeaderMap) -> String {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    key.unwrap_or_default().to_owned()
}

fn answer(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn found(value: Option<Value>) -> Response {
    value.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |value| answer(&value))
}
