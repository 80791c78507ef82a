//! Flags of the commands that record, show and replay messages.

use std::time::Duration;

use clap::builder::ValueParser;

use super::flags::{Flag, duration, path, text};
use super::values;

/// How much faster than it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    /// So many times as fast.
    Times(f64),
    /// As fast as can be.
    Max,
}

impl Speed {
    /// How long after the first message one is due that was recorded so long after it.
    #[cfg_attr(not(feature = "recording"), expect(dead_code, reason = "read where there are recordings"))]
    pub(crate) fn scaled(self, after: Duration) -> Duration {
        match self {
            // As long as a time can be.
            Self::Times(times) => {
                Duration::try_from_secs_f64(after.as_secs_f64() / times).unwrap_or(Duration::MAX)
            }
            Self::Max => Duration::ZERO,
        }
    }
}

fn speed() -> ValueParser {
    ValueParser::new(values::speed)
}

fn kind() -> ValueParser {
    ValueParser::new(values::message_kind)
}

/// Of services that are started.
pub(crate) static RECORD: Flag =
    Flag::new("record", "record every message to this new file, from the first on").value("FILE", path);

pub(super) static OUTPUT: Flag = Flag::new("output", "the new file")
    .short("o")
    .value("FILE", path)
    .more(&["For you alone: its mode is 0600."]);

pub(super) static RECORD_FOR: Flag =
    Flag::new("for", "end after this time; at Ctrl-C if not said").value("DURATION", duration);

pub(super) static CONNECTION: Flag =
    Flag::new("connection", "only this connection, such as in.ask or ask; may be said often")
        .value("NAME", text)
        .many();

pub(super) static WITHOUT_BODIES: Flag =
    Flag::new("without_bodies", "leave out what stands in messages, which cannot be replayed then");

pub(super) static OF_SERVICE: Flag =
    Flag::new("service", "only this service (NAME, SYSTEM/NAME, process); may be said often")
        .value("NAME", text)
        .many();

pub(super) static WORKFLOW: Flag =
    Flag::new("workflow", "only this workflow and what branches off it").value("ID", text);

pub(super) static FROM: Flag =
    Flag::new("from", "only from this time after the first message on").value("DURATION", duration);

pub(super) static UNTIL: Flag =
    Flag::new("until", "only until this time after the first message").value("DURATION", duration);

pub(super) static KIND: Flag = Flag::new("kind", "only messages of this kind; may be said often")
    .value("KIND", kind)
    .words(&[
        "request",
        "reply",
        "error_reply",
        "unanswered",
        "message",
        "handled",
        "update",
        "snapshot_request",
        "snapshot_reply",
        "change",
        "junk",
    ])
    .many()
    .more(&[
        "request, reply, error_reply, unanswered, message, handled, update, snapshot_request,",
        "snapshot_reply, change or junk.",
    ]);

pub(super) static TOPIC: Flag =
    Flag::new("topic", "only messages of this topic; may be said often").value("TOPIC", text).many();

pub(super) static GREP: Flag =
    Flag::new("grep", "only messages in whose arguments, as JSON, this text stands").value("TEXT", text);

pub(super) static SUMMARY: Flag = Flag::new("summary", "counts, rates and times of each connection instead");

pub(super) static STATES: Flag =
    Flag::new("states", "each state as it was at the end instead").excludes(&["summary"]);

pub(super) static REPLAY_TO: Flag =
    Flag::new("to", "ask this address, service or system the recorded requests").value("WHERE", text);

pub(super) static REPLAY_BIND: Flag =
    Flag::new("bind", "publish at this address instead of the recorded one")
        .value("ADDRESS", text)
        .many()
        .excludes(&["to"])
        .more(&[
            "For one publisher or state; a delta state needs two, where it publishes and",
            "where it answers.",
        ]);

pub(super) static SPEED: Flag =
    Flag::new("speed", "how many times as fast as it was, or `max`").value("N|max", speed).default("1");

pub(super) static IGNORE: Flag =
    Flag::new("ignore", "a key or path of replies that may differ; may be said often")
        .value("KEY", text)
        .many()
        .needs("to");

pub(super) static REPLAY_WAIT: Flag = Flag::new("wait", "how long subscribers have before the first message")
    .value("DURATION", duration)
    .default("1s");

pub(super) static REPLAY_STAY: Flag =
    Flag::new("stay", "how long publishers and states stay behind the last message")
        .value("DURATION", duration)
        .default("1s");

pub(super) static REPLAY_TIMEOUT: Flag =
    Flag::new("timeout", "how long each answer may take").value("DURATION", duration).default("5s");
