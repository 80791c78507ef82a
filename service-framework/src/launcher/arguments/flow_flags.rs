//! Flags of the commands behind `flow`.

use clap::builder::ValueParser;

use super::flags::{Flag, age, count, duration, flow_part, level, number, path, size, text};
use super::values;

/// The words of how a flow can stand.
const FLOW_STATUSES: [&str; 9] =
    ["ready", "queued", "running", "waiting", "paused", "parked", "done", "failed", "cancelled"];

pub(crate) static FLOW_ARG: Flag =
    Flag::new("arg", "one argument of the function, as JSON or else as text; may be said often")
        .value("NAME=VALUE", text)
        .many();

pub(crate) static WITH_SCRIPT: Flag =
    Flag::new("with_script", "a script that it may start by this name, in its folder; may be said often")
        .value("FILE", text)
        .many()
        .more(&[
            "Those that it starts by a name which stands in it, flows.start(\"other.py\"), come along",
            "by themselves.",
        ]);

pub(crate) static FLOW_ID: Flag =
    Flag::new("id", "the flow's id; the same id is the same flow, started once")
        .alias("key")
        .value("ID", text)
        .more(&["Without it each start is a new flow, with an id that sorts by time."]);

pub(crate) static FLOW_NAME: Flag =
    Flag::new("name", "what it is called in lists; the file without its ending if not said")
        .value("NAME", text);

pub(crate) static FOLLOW: Flag =
    Flag::new("follow", "show where the script stands, what it does and what it waits for").more(&[
        "On a terminal the script with its line, redrawn in place; elsewhere one line for",
        "each thing that happens.",
    ]);

pub(crate) static FOLLOW_LOGS: Flag = Flag::new("follow", "go on until the flow ends or Ctrl-C").short("f");

pub(crate) static LISTEN: Flag =
    Flag::new("listen", "where HTTP callbacks are taken").value("ADDRESS:PORT", text).more(&[
        "127.0.0.1:60857 if not said; `flow run` takes any free port if that is taken. Port 0 is one",
        "that the system chooses.",
    ]);

pub(crate) static PUBLIC_URL: Flag =
    Flag::new("public_url", "what URLs of callbacks begin with, as others reach this machine")
        .value("URL", text)
        .more(&["Without it http:// and the address of --listen."]);

pub(crate) static RESOLVE: Flag =
    Flag::new("resolve", "requests to a host go to this address instead; may be said often")
        .value("HOST=ADDRESS:PORT", text)
        .many();

pub(crate) static ALLOW_HOST: Flag =
    Flag::new("allow_host", "requests go to such hosts alone; may be said often")
        .value("HOST", text)
        .many()
        .more(&["example.com, *.example.com or 10.0.0.7, each with :PORT if only that is meant."]);

pub(crate) static ALLOW_PRIVATE: Flag =
    Flag::new("allow_private", "requests may go to this machine and to private networks")
        .more(&["Without it only hosts of --resolve may be there."]);

pub(crate) static SECRET: Flag =
    Flag::new("secret", "a value that scripts can send and not see; may be said often")
        .value("NAME=VALUE", text)
        .many()
        .more(&[
            "A script gets it by flow.secrets.get(\"NAME\"). Better in the environment, where other",
            "users of this machine do not see it: SERVICE_FRAMEWORK_SECRET_NAME=VALUE.",
        ]);

pub(crate) static FLOW_SERVICE: Flag =
    Flag::new("service_path", "the service over whose connections scripts ask: flow.service.to_send")
        .short("s")
        .value("SERVICE", text)
        .more(&[
            "One of this program by its name, or ./PATH.json: its model, as `describe` prints it,",
            "with a command if it has handlers. It needs the addresses of -a.",
        ]);

pub(crate) static FLOW_ADDRESSES: Flag = Flag::new("addresses_path", "addresses JSON of that service")
    .short("a")
    .value("ADDRESSES", path)
    .more(&[
        "Others reach flows through those of flow_start, flow_signal, flow_query, flow_cancel,",
        "flow_result and the publisher flow_events that it names, with a service or without.",
    ]);

pub(crate) static PROGRAMS: Flag =
    Flag::new("programs", "the spec of programs that scripts run: flow.program.run")
        .value("SPEC", path)
        .more(&["What is behind its hooks stands in the file of --hooks, as for `program serve`."]);

pub(crate) static ONLY: Flag = Flag::new("only", "only this part of it; may be said often")
    .value("interpreter|requests|callbacks", flow_part)
    .words(&["interpreter", "requests", "callbacks"])
    .many()
    .more(&[
        "interpreter  runs scripts and looks after times",
        "requests     sends the requests of flows, and runs programs",
        "callbacks    takes HTTP callbacks",
        "Each part works on the store alone, so they may be on different hosts.",
    ]);

pub(crate) static WORKERS: Flag =
    Flag::new("workers", "how many scripts run at the same moment; one for each processor if not said")
        .value("N", count)
        .more(&["Flows that wait take none of them."]);

pub(crate) static FLOW_LEASE: Flag =
    Flag::new("lease", "how long flows stay with a process that does not say that it lives")
        .value("DURATION", duration)
        .default("10s")
        .more(&["After it another one on the same store takes them up."]);

pub(crate) static CPU_LIMIT: Flag =
    Flag::new("cpu_limit", "processor time from one wait of a script to the next")
        .value("DURATION", duration)
        .default("5s")
        .more(&["A script that takes more fails with LimitExceeded."]);

pub(crate) static MEMORY_LIMIT: Flag = Flag::new("memory_limit", "memory of a process that runs scripts")
    .value("SIZE", size)
    .default("512MiB")
    .more(&["A script that takes more fails with LimitExceeded."]);

pub(crate) static RUN_LEVEL: Flag = Flag::new("console_loglevel", "least level of log lines on stderr")
    .short("cl")
    .value("LEVEL", level)
    .default("ERROR");

pub(crate) static FLOW_STATUS: Flag =
    Flag::new("status", "only flows that are so").value("STATUS", flow_status).words(&FLOW_STATUSES).more(&[
        "ready      can go on, and nobody runs it yet",
        "queued     waits until fewer flows of its name go on: `flow limit`",
        "running    somebody runs it, or does what it asked for",
        "waiting    for a time, a callback, a message or another flow",
        "paused     stands still until it is resumed",
        "parked     cannot go on by itself: `flow show` says why",
        "done, failed, cancelled    has ended",
    ]);

pub(crate) static NAME_FILTER: Flag = Flag::new("name", "only flows of this name").value("NAME", text);

pub(crate) static ID_FILTER: Flag = Flag::new("id", "only flows whose id begins so").value("PREFIX", text);

pub(crate) static SINCE: Flag = Flag::new("since", "only flows that were started after that")
    .value("WHEN", text)
    .more(&["2h or 3d ago, or a time in UTC such as 2026-11-27 or 2026-11-27T18:30:00."]);

pub(crate) static UNTIL: Flag =
    Flag::new("until", "only flows that were started before that").value("WHEN", text);

pub(crate) static FLOW_LIMIT: Flag =
    Flag::new("limit", "how many flows at most, the latest").value("N", count).default("100");

pub(crate) static AFTER_FLOW: Flag = Flag::new("after", "go on behind this flow, in the order of ids")
    .value("ID", text)
    .more(&["With it --limit is how many come next: the next page begins after the last of them."]);

pub(crate) static ALL: Flag = Flag::new("all", "all flows with which it can be done");

pub(crate) static AT_STEP: Flag =
    Flag::new("step", "after so many steps, as `flow show` counts them").value("N", number);

pub(crate) static FORK_ID: Flag = Flag::new("id", "the id of the new flow").value("ID", text);

pub(crate) static SCHEDULE_ID: Flag =
    Flag::new("id", "what the schedule is called; the file without its ending if not said")
        .value("NAME", text)
        .more(&["The same name again is the same schedule, changed."]);

pub(crate) static OLDER_THAN: Flag = Flag::new("older_than", "only flows that ended longer ago than this")
    .value("DURATION", age)
    .default("30d");

fn flow_status() -> ValueParser {
    ValueParser::new(values::flow_status)
}
