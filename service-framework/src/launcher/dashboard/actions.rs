//! What the page may do if it is allowed to: start a service again, stop it, and change which lines it logs.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::answer::No;
use super::snapshot::{Service, Snapshot};
use crate::launcher::control::client::AskError;
use crate::launcher::control::message::Question;
use crate::launcher::control::place::Kind;
use crate::launcher::look::{ask, text};

/// How long the page waits; what takes longer goes on.
const PATIENCE: Duration = Duration::from_secs(60);

/// Something to be done with one service.
#[derive(Debug)]
pub(super) struct Action {
    kind: Kind,
    pid: u32,
    question: Question,
}

impl Action {
    /// Reads `{"what", "id"}`, and `"level"` where it is about that.
    ///
    /// # Errors
    /// It is not understood, or cannot be done with this service.
    pub(super) fn read(body: &[u8], snapshot: &Snapshot) -> Result<Self, No> {
        let body: Json =
            serde_json::from_slice(body).map_err(|error| No::bad(format!("no JSON: {error}")))?;
        let id = text(&body, "id");
        let service = snapshot
            .service(id)
            .ok_or_else(|| No::unknown(format!("there is no service {id:?} any more")))?;
        match text(&body, "what") {
            "restart" => Self::of_system("restart", service)
                .ok_or_else(|| No::bad("only a system starts its services again; this one runs by itself")),
            "stop" => match Self::of_system("stop", service) {
                Some(action) => Ok(action),
                None => Self::of_service(service, Question::new("stop")),
            },
            "log_level" => {
                Self::of_service(service, Question::new("log_level").with("level", text(&body, "level")))
            }
            what => Err(No::bad(format!("{what:?} is none of restart, stop, log_level"))),
        }
    }

    fn of_system(what: &str, service: &Service) -> Option<Self> {
        let (_, up) = service.found.system.as_ref()?;
        let question = Question::new(what).with("services", vec![service.found.name.as_str()]);
        Some(Self { kind: Kind::System, pid: *up, question })
    }

    fn of_service(service: &Service, question: Question) -> Result<Self, No> {
        let pid = service.found.pid.ok_or_else(|| No::unknown("it does not run"))?;
        Ok(Self { kind: Kind::Service, pid, question })
    }

    /// Does it, and waits for that.
    pub(super) fn act(&self) -> Result<Json, No> {
        match ask(self.kind, self.pid, &self.question, PATIENCE) {
            Ok(answer) => Ok(json!({ "done": answer })),
            Err(AskError::Refused(refusal)) => Err(No::bad(refusal.message)),
            Err(error) => Err(No::lost(format!("{error}; it may go on all the same"))),
        }
    }
}
