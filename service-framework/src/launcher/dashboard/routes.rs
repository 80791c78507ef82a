//! What is served under which path.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::middleware;
use axum::routing::{get, post};
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::actions::Action;
use super::answer::{self, Answer, No};
use super::files::FILES;
use super::guard::{self, Guard};
use super::listed::Only;
use super::query::Query;
use super::settings::Shows;
use super::snapshot::{Service, Snapshot};
use super::taps::Taps;
use super::watcher::Watcher;
use super::{log, states};

/// The longest body, and how long it may take.
const BODY_BYTES: usize = 16 * 1024;
const BODY_TIME: Duration = Duration::from_secs(5);

/// So many services are asked for somebody at a time, and how long one waits for that.
const ASKED: usize = 8;
const TURN: Duration = Duration::from_secs(5);

/// Where answers come from.
pub(super) struct Desk {
    watcher: Watcher,
    taps: Arc<Taps>,
    turns: Arc<Semaphore>,
    shows: Shows,
}

impl Desk {
    /// # Errors
    /// A thread cannot be made.
    pub(super) fn new(shows: Shows) -> io::Result<Self> {
        let taps = Arc::<Taps>::default();
        let watcher = Watcher::start(shows.clone(), taps.clone())?;
        Ok(Self { watcher, taps, turns: Arc::new(Semaphore::new(ASKED)), shows })
    }

    async fn latest(&self) -> Arc<Snapshot> {
        self.watcher.latest().await
    }

    /// Asks somebody, beside the loop that serves others.
    async fn asks(&self, ask: impl FnOnce() -> Result<Json, No> + Send + 'static) -> Result<Json, No> {
        let turn = timeout(TURN, self.turns.clone().acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(No::busy)?;
        let asked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            ask()
        });
        asked.await.unwrap_or_else(|_| Err(No::lost("it broke off")))
    }
}

/// What every request finds.
struct All {
    desk: Desk,
    guard: Arc<Guard>,
}

type Shared = State<Arc<All>>;

pub(super) fn router(guard: Guard, desk: Desk) -> Router {
    let guard = Arc::new(guard);
    let all = Arc::new(All { desk, guard: guard.clone() });
    let files = FILES.iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move || async move { answer::with(StatusCode::OK, kind, *text) }))
    });
    files
        .route("/api/about", get(about))
        .route("/api/live", get(live))
        .route("/api/service", get(service))
        .route("/api/graph", get(graph))
        .route("/api/states", get(all_states))
        .route("/api/state", get(state))
        .route("/api/log", get(lines))
        .route("/api/paths", get(paths))
        .route("/api/path", get(path))
        .route("/api/act", post(act))
        .fallback(async || No::unknown("nothing is here").answer())
        .method_not_allowed_fallback(async || {
            No::new(StatusCode::METHOD_NOT_ALLOWED, "bad_method", "this is not done here").answer()
        })
        .with_state(all)
        .layer(middleware::from_fn_with_state(guard, guard::check))
}

/// What the page may do. Its secret is for itself: no other site can read this answer.
async fn about(State(all): Shared) -> Answer {
    let page = all.guard.page.as_ref();
    let shows = match &all.desk.shows {
        Shows::System(system) => Some(system.as_str()),
        _ => None,
    };
    answer::json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "shows": shows,
        "actions": page.is_some(),
        "secret": page.map(super::secret::Secret::text),
    }))
}

async fn live(State(all): Shared) -> Answer {
    answer::json(&all.desk.latest().await.to_json())
}

async fn graph(State(all): Shared) -> Answer {
    answer::json(&all.desk.latest().await.graphs)
}

async fn all_states(State(all): Shared) -> Answer {
    answer::json(&states::all(&*all.desk.latest().await))
}

async fn service(State(all): Shared, request: Request) -> Answer {
    let (snapshot, query) = (all.desk.latest().await, query(&request));
    answer::of(named(&snapshot, &query).map(Service::details))
}

async fn state(State(all): Shared, request: Request) -> Answer {
    let query = query(&request);
    let asked = named(&*all.desk.latest().await, &query).and_then(|service| {
        let pid = service.found.pid.ok_or_else(|| No::unknown("it does not run"))?;
        Ok((pid, states::question(&query)?))
    });
    answer::of(match asked {
        Ok((pid, question)) => all.desk.asks(move || states::content(pid, &question)).await,
        Err(no) => Err(no),
    })
}

async fn lines(State(all): Shared, request: Request) -> Answer {
    // Who reads it may ask for the path of one of its ids next.
    all.desk.taps.want();
    let wanted = log::wanted(&*all.desk.latest().await, &query(&request));
    answer::of(all.desk.asks(move || Ok(log::lines(&wanted))).await)
}

async fn paths(State(all): Shared, request: Request) -> Answer {
    all.desk.taps.want();
    all.desk.latest().await;
    let (query, taps) = (query(&request), all.desk.taps.clone());
    let only = Only::named(query.text("only").unwrap_or_default());
    let latest = move || taps.latest(query.text("find").unwrap_or_default(), only);
    answer::of(all.desk.asks(move || Ok(latest())).await)
}

async fn path(State(all): Shared, request: Request) -> Answer {
    all.desk.taps.want();
    let (query, taps) = (query(&request), all.desk.taps.clone());
    answer::of(match query.text("workflow").map(str::to_owned) {
        Some(workflow) => all.desk.asks(move || Ok(taps.path(&workflow))).await,
        None => Err(No::bad("`workflow` is missing")),
    })
}

async fn act(State(all): Shared, headers: HeaderMap, body: Body) -> Answer {
    answer::of(acted(&all, &headers, body).await)
}

async fn acted(all: &All, headers: &HeaderMap, body: Body) -> Result<Json, No> {
    all.guard.may_act(headers)?;
    let body: Bytes = match timeout(BODY_TIME, to_bytes(body, BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        _ => return Err(No::bad(format!("no body of at most {BODY_BYTES} bytes came in time"))),
    };
    let action = Action::read(&body, &*all.desk.latest().await)?;
    all.desk.asks(move || action.act()).await
}

fn query(request: &Request) -> Query {
    Query::read(request.uri().query())
}

fn named<'a>(snapshot: &'a Snapshot, query: &Query) -> Result<&'a Service, No> {
    let id = query.text("id").unwrap_or_default();
    snapshot.service(id).ok_or_else(|| No::unknown(format!("there is no service {id:?} any more")))
}
