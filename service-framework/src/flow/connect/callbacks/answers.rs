//! What is answered to whom.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value as Json, json};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::ids::{could_be, shown};
use super::{CallbackSettings, Deliver, Delivered, PublicUrl};
use crate::flow::connect::json::of_body;

/// When whoever could not deliver is to come again, in seconds.
const COME_AGAIN: &str = "5";

/// How much more than the limit is read of a body and thrown away: one who is still sending would not see the answer.
const THROWN_AWAY: usize = 16 << 20;

/// How long a body is read that nobody waits for.
const FOR_NOTHING: Duration = Duration::from_secs(1);

/// What answers need.
struct Desk {
    deliver: Arc<dyn Deliver>,
    body_bytes: usize,
    body_time: Duration,
    deliver_time: Duration,
}

/// Why there is no body.
enum NoBody {
    TooLarge,
    TooSlow,
    Broken,
}

type Answer = Response<Body>;

/// The id in a path, if it is text at all.
type Id = Result<Path<String>, PathRejection>;

/// All that is answered, below the root and below the path of the public URL: a proxy may keep it or take it off.
pub(super) fn router(
    settings: &CallbackSettings,
    public_url: &PublicUrl,
    deliver: Arc<dyn Deliver>,
) -> Router {
    let CallbackSettings { body_bytes, body_time, deliver_time, .. } = *settings;
    let desk = Arc::new(Desk { deliver, body_bytes, body_time, deliver_time });
    let routes = || {
        Router::new()
            .route("/callback/{id}", post(deliver_one).put(deliver_one).fallback(only_delivered_to))
            .route("/health", get(health).fallback(only_read))
    };
    let mut router = routes().route("/", get(health).fallback(only_read));
    // A path with braces would be a pattern; only the root is served then.
    let path = public_url.path();
    if !path.is_empty() && !path.contains(['{', '}', '%']) {
        router = router.nest(path, routes());
    }
    router.fallback(nothing_here).with_state(desk)
}

async fn deliver_one(State(desk): State<Arc<Desk>>, id: Id, request: Request<Body>) -> Answer {
    let Some(id) = desk.known(id).await else {
        // One who is still sending would not see the answer.
        let is_read = timeout(FOR_NOTHING.min(desk.body_time), desk.read(request)).await;
        return if matches!(is_read, Ok(Ok(_))) { unknown() } else { with(unknown(), CONNECTION, "close") };
    };
    let body = match desk.body(request).await {
        Ok(body) => body,
        Err(no_body) => return desk.without_body(&no_body),
    };
    match timeout(desk.deliver_time, desk.deliver.deliver(&id, of_body(body))).await {
        Ok(Ok(Delivered::Unknown)) => unknown(),
        Ok(Ok(delivered)) => {
            debug!(id = shown(&id), ?delivered, "a callback was delivered");
            answer(StatusCode::OK, &json!({"accepted": true}))
        }
        Ok(Err(error)) => unavailable(&id, &error.to_string()),
        Err(_) => unavailable(&id, "writing it down takes too long"),
    }
}

impl Desk {
    /// The id, if there may be such a callback.
    async fn known(&self, id: Id) -> Option<String> {
        let id = id.ok().map(|Path(id)| id).filter(|id| could_be(id))?;
        // What cannot be looked up now may be there when the body is.
        let is_unknown = matches!(timeout(self.deliver_time, self.deliver.knows(&id)).await, Ok(Ok(false)));
        (!is_unknown).then_some(id)
    }

    /// The whole body, if it is within its bounds.
    async fn body(&self, request: Request<Body>) -> Result<Vec<u8>, NoBody> {
        match timeout(self.body_time, self.read(request)).await {
            Ok(result) => result,
            Err(_) => Err(NoBody::TooSlow),
        }
    }

    async fn read(&self, request: Request<Body>) -> Result<Vec<u8>, NoBody> {
        let announced =
            request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let most_of_all = self.body_bytes.saturating_add(THROWN_AWAY);
        if announced.is_some_and(|bytes: usize| bytes > most_of_all) {
            return Err(NoBody::TooLarge);
        }
        let mut body = request.into_body();
        let mut read = Vec::new();
        let mut length = 0;
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let Ok(data) = frame.map_err(|_| NoBody::Broken)?.into_data() else { continue };
            length += data.len();
            if length > most_of_all {
                return Err(NoBody::TooLarge);
            }
            if length <= self.body_bytes {
                read.extend_from_slice(&data);
            }
        }
        if length > self.body_bytes { Err(NoBody::TooLarge) } else { Ok(read) }
    }

    fn without_body(&self, no_body: &NoBody) -> Answer {
        let (status, error) = match no_body {
            NoBody::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, format!("a callback has at most {} bytes", self.body_bytes))
            }
            NoBody::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned()),
            NoBody::Broken => (StatusCode::BAD_REQUEST, "the body cannot be read".to_owned()),
        };
        // What is left of the body is not read.
        with(refused(status, &error), CONNECTION, "close")
    }
}

async fn health() -> Answer {
    answer(StatusCode::OK, &json!({"ok": true, "takes": "callbacks of flows"}))
}

async fn nothing_here() -> Answer {
    refused(StatusCode::NOT_FOUND, "there is nothing here; callbacks go to /callback/ID")
}

async fn only_delivered_to() -> Answer {
    with(
        refused(StatusCode::METHOD_NOT_ALLOWED, "a callback is delivered with POST or PUT"),
        ALLOW,
        "POST, PUT",
    )
}

async fn only_read() -> Answer {
    with(refused(StatusCode::METHOD_NOT_ALLOWED, "this is read with GET"), ALLOW, "GET, HEAD")
}

fn unknown() -> Answer {
    refused(StatusCode::NOT_FOUND, "no flow has a callback of this id")
}

fn unavailable(id: &str, why: &str) -> Answer {
    warn!(id = shown(id), "a callback was not accepted, and is to be delivered again: {why}");
    let error = "the callback cannot be written down now; deliver it again later";
    with(refused(StatusCode::SERVICE_UNAVAILABLE, error), RETRY_AFTER, COME_AGAIN)
}

fn refused(status: StatusCode, error: &str) -> Answer {
    answer(status, &json!({"accepted": false, "error": error}))
}

fn answer(status: StatusCode, json: &Json) -> Answer {
    let mut answer = Response::new(Body::from(json.to_string()));
    *answer.status_mut() = status;
    with(answer, CONTENT_TYPE, "application/json")
}

fn with(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}
