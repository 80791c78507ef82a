//! The flags of the command line that are no block's own.

pub(crate) use super::flag::Flag;
pub(super) use super::flag::{age, count, duration, flow_part, level, number, path, size, text};
use super::flag::{color, graph_format, log_format, port, run_status, seconds};
use crate::launcher::new::PART_NAMES;

pub(crate) static SERVICE: Flag =
    Flag::new("service_path", "the service to start").short("s").value("SERVICE", text).more(&[
        "A value with a `/` is a path; without one it is the name of a service in this",
        "program, of a program beside it, or of one in a folder of SERVICE_FRAMEWORK_PATH.",
        "PATH:NAME picks one service of a program that has several.",
        "A path that ends in .json is a service in any language.",
    ]);

pub(crate) static ADDRESSES: Flag =
    Flag::new("addresses_path", "addresses JSON: where sockets bind and connect")
        .short("a")
        .value("ADDRESSES", path)
        .more(&["Without it every address must come from the service's own setup."]);

pub(crate) static CONFIG: Flag =
    Flag::new("config_path", "config JSON").short("c").value("CONFIG", path).more(&[
        "Flat, or with the sections `required` and `optional`. The environment",
        "(SERVICE_FRAMEWORK_CONFIG_KEY) and the command line (--key value) come over it.",
    ]);

pub(crate) static MAIN_MODE: Flag = Flag::new("main_mode", "run the service's main function").short("m");

pub(crate) static CONSOLE_LEVEL: Flag = Flag::new("console_loglevel", "least level of log lines on stderr")
    .short("cl")
    .value("LEVEL", level)
    .default("INFO")
    .more(&["DEBUG, INFO, WARNING, ERROR, CRITICAL or OFF; trace and warn as tracing names them."]);

pub(crate) static LOG_FOLDER: Flag = Flag::new("log_folder", "folder of log files, a new one each hour")
    .alias("log_path")
    .short("l")
    .value("FOLDER", path)
    .more(&["Files are named SERVICE.log.YYYY-MM-DD-HH, in UTC."]);

pub(crate) static FILE_LEVEL: Flag = Flag::new("file_loglevel", "least level of log lines in files")
    .short("f")
    .value("LEVEL", level)
    .default("INFO");

pub(crate) static BACKUP_COUNT: Flag =
    Flag::new("backup_count", "how many hourly files are kept; 0 keeps all")
        .short("bc")
        .value("COUNT", count)
        .default("240");

pub(crate) static MIN_WAIT: Flag =
    Flag::new("service_loop_min_wait_time_s", "least seconds between two turns of the loop")
        .short("wt")
        .value("SECONDS", seconds)
        .default("0");

pub(crate) static LOG_FORMAT: Flag = Flag::new("log_format", "how log lines on stderr are written")
    .value("human|json", log_format)
    .words(&["human", "json"])
    .default("human");

pub(crate) static BIND_ALL: Flag =
    Flag::new("bind_all", "bind every network interface, whatever host is written").more(&[
        "The Python originals do so always. Anyone who reaches this machine then",
        "reaches its sockets.",
    ]);

pub(crate) static GRACE: Flag =
    Flag::new("grace", "how long running handlers may take to finish when stopped")
        .value("DURATION", duration)
        .default("10s");

pub(crate) static COLOR: Flag = Flag::new("color", "colours in what is printed for people")
    .value("auto|always|never", color)
    .words(&["auto", "always", "never"])
    .default("auto")
    .more(&["auto: on terminals, unless NO_COLOR is set."]);

pub(crate) static JSON: Flag = Flag::new("json", "print JSON, whatever stdout is");

pub(crate) static WITH: Flag =
    Flag::new("with", "another service: compare both ends of each connection they share")
        .value("OTHER", text)
        .more(&["Two ends belong together if their addresses meet or their names match."]);

pub(crate) static WITH_ADDRESSES: Flag =
    Flag::new("with_addresses", "addresses of the other service, if it has its own file")
        .value("ADDRESSES", path);

pub(crate) static SECONDS: Flag =
    Flag::new("seconds", "end by itself after this time").value("DURATION", duration);

pub(crate) static OVERRIDE: Flag =
    Flag::new("override", "a system file that is laid over the one before; may be said often")
        .value("FILE", path)
        .more(&[
            "Tables are merged key by key, null takes a key away, anything else stands for what",
            "was there. Paths are relative to the file that they stand in.",
        ])
        .many();

pub(crate) static SYSTEM_FORMAT: Flag = Flag::new("format", "how it is drawn")
    .value("text|mermaid|dot|svg", graph_format)
    .words(&["text", "mermaid", "dot", "svg"])
    .default("text");

pub(crate) static LIVE: Flag =
    Flag::new("live", "with the rates of the system that runs, measured for a second");

pub(crate) static ASYNCAPI: Flag =
    Flag::new("asyncapi", "as an AsyncAPI 3 document: channels, operations, and JSON Schemas of messages");

pub(crate) static UP_WATCH: Flag =
    Flag::new("watch", "show a table of all services below their lines, and take keys that steer them")
        .excludes(&["detach"]);

pub(crate) static DEV: Flag =
    Flag::new("dev", "build and start again what changes; what fails waits until it is changed")
        .more(&["Programs that Cargo has built are built by it; others by `build` of their entry."]);

pub(crate) static DETACH: Flag =
    Flag::new("detach", "return when all are ready, and go on without a terminal")
        .more(&["See `ps`, `logs`, `restart`, `stop` and `down`."]);

pub(crate) static STATE_ADDRESSES: Flag =
    Flag::new("addresses_path", "addresses JSON of the state's owner or of one of its replicas")
        .short("a")
        .value("ADDRESSES", path)
        .more(&[
            "A state under `in` is followed from where that replica follows it; one under",
            "`out` from where its owner binds, on this machine if that is every interface.",
        ]);

pub(crate) static SUBSCRIBER: Flag =
    Flag::new("subscriber", "where the owner publishes, instead of a file").value("ADDRESS", text);

pub(crate) static REQUESTER: Flag =
    Flag::new("requester", "where the owner of a delta state answers; without it the state is a full one")
        .value("ADDRESS", text);

pub(crate) static TOPIC: Flag =
    Flag::new("topic", "the state's topic; without it every topic is taken").value("TOPIC", text);

pub(crate) static CALLED: Flag =
    Flag::new("service_path", "the service that answers: its model says what the arguments are")
        .short("s")
        .value("SERVICE", text)
        .more(&["Without it any arguments are sent, and the replyer checks them."]);

pub(crate) static CALL_TIMEOUT: Flag =
    Flag::new("timeout", "how long the answer may take").value("DURATION", duration).default("5s");

pub(crate) static HEARD_TOPIC: Flag =
    Flag::new("topic", "only messages of this topic; without it all are heard").value("TOPIC", text);

pub(crate) static HEARD: Flag =
    Flag::new("count", "end after so many messages; at Ctrl-C if not said").value("N", number);

pub(crate) static LISTEN_BINDS: Flag =
    Flag::new("bind", "listen at ADDRESS for publishers that connect (`is_x_pub`)");

pub(crate) static SAID_TOPIC: Flag =
    Flag::new("topic", "the topic under which it is published").value("TOPIC", text);

pub(crate) static PUBLISH_CONNECTS: Flag =
    Flag::new("connect", "connect to a subscriber that binds ADDRESS (`is_binder`)");

pub(crate) static PUBLISH_WAIT: Flag =
    Flag::new("wait", "how long subscribers have to find it before the first message")
        .value("DURATION", duration)
        .default("1s");

pub(crate) static WATCH: Flag = Flag::new("watch", "go on until Ctrl-C").more(&[
    "On a terminal a table that is redrawn in place, with rows marked that have just",
    "changed; elsewhere one line for each change.",
]);

pub(crate) static TIMEOUT: Flag =
    Flag::new("timeout", "how long to wait until the state is current; --watch waits for ever")
        .value("DURATION", duration)
        .default("5s");

pub(crate) static DRAIN_TIMEOUT: Flag =
    Flag::new("timeout", "how long to wait until all that runs has ended")
        .value("DURATION", duration)
        .default("10s");

pub(crate) static LOGS_FOLLOW: Flag = Flag::new("follow", "go on until the system ends or Ctrl-C").short("f");

pub(crate) static STATE_JSON: Flag =
    Flag::new("json", "print JSON: one object, with --watch one a line for each change").more(&[
        "A line with `value` has the whole state; one with `changes` the keys that changed,",
        "null for those that are gone; one with neither a new status.",
    ]);

pub(crate) static PARTS: Flag = Flag::new("with", "what the service has, with commas between")
    .value("PARTS", text)
    .words(&PART_NAMES)
    .default("replyer")
    .more(&[
        "replyer     answers requests",
        "subscriber  hears what somebody publishes",
        "requester   asks another service",
        "publisher   tells whoever subscribes",
        "state       owns a state, of which others hold copies",
        "replica     holds a copy of another service's state",
        "main        a function that runs instead of waiting for messages (-m)",
    ]);

pub(crate) static FRAMEWORK: Flag = Flag::new(
    "framework",
    "where the crate takes service_framework from; this program's own folder if not said",
)
.value("PATH|GIT|VERSION", text)
.more(&[
    "PATH has a `/`, or is a folder that is there: a clone, or the crate in it.",
    "GIT is an address such as https://…, ssh://… or file://…; VERSION is one of crates.io.",
]);

pub(crate) static NEW_FOLDER: Flag =
    Flag::new("path", "the folder that is made, or an empty one that is there; NAME if not said")
        .value("FOLDER", path);

pub(crate) static NEW_JSON: Flag = Flag::new("json", "print as JSON what was made and what to type next");

pub(crate) static STORE: Flag =
    Flag::new("store", "where the event store is: memory, a path or postgres://…").value("WHERE", text);

pub(crate) static BACKUP: Flag =
    Flag::new("to", "the file that a backup is written to; never one that is there").value("FILE", path);

pub(crate) static STORE_JSON: Flag = Flag::new("json", "print JSON");

pub(crate) static SPEC: Flag = Flag::new("spec", "the spec: which programs there are and of which hooks")
    .short("s")
    .value("SPEC", path)
    .default("ryu_spec.json");

pub(crate) static CRATE_FOLDER: Flag = Flag::new("output", "the folder of the crate, new or made so before")
    .short("o")
    .value("FOLDER", path)
    .more(&["In one that was made so before, what is new is added; nothing else is touched."]);

pub(crate) static FORMAT: Flag = Flag::new("format", "how programs are shown")
    .value("text|mermaid|dot|svg", graph_format)
    .words(&["text", "mermaid", "dot", "svg"])
    .default("text")
    .more(&[
        "text      a tree for reading",
        "mermaid   a flowchart for Markdown that renders Mermaid",
        "dot       a graph for Graphviz",
        "svg       a picture",
    ]);

pub(crate) static HOOKS: Flag =
    Flag::new("hooks", "what is behind the hooks: a command or a connection for each")
        .value("FILE", path)
        .default("hooks.json");

pub(crate) static HOST: Flag = Flag::new("host", "where requests are taken")
    .value("HOST", text)
    .default("127.0.0.1")
    .more(&["0.0.0.0 is every network interface: whoever reaches this machine can run", "programs then."]);

pub(crate) static PORT: Flag = Flag::new("port", "the port of it; 0 is one that the system chooses")
    .short("p")
    .value("PORT", port)
    .default("60856");

pub(crate) static LEASE: Flag =
    Flag::new("lease", "how long runs stay with a server that does not say that it lives")
        .value("DURATION", duration)
        .default("10s")
        .more(&[
            "After it another server on the same store takes them up. Longer than any pause of",
            "the process, such as that of a virtual machine that is moved.",
        ]);

pub(crate) static KEEP: Flag = Flag::new("keep", "how many runs that ended are kept, the latest")
    .value("N", count)
    .more(&["All if not said, and 1,000 in memory. Runs that are stuck are kept in any case."]);

pub(crate) static KEEP_FOR: Flag =
    Flag::new("keep_for", "how long runs are kept that ended").value("DURATION", duration).default("720h");

pub(crate) static FORGET_KEYS: Flag =
    Flag::new("forget_keys", "remove runs with an idempotency key too, which would run again then")
        .more(&["Otherwise they are kept for good, so that the same key has the same answer."]);

pub(crate) static ARG: Flag =
    Flag::new("arg", "one value of the pool, as JSON or else as text; may be said often")
        .value("NAME=VALUE", text)
        .many();

pub(crate) static POOL: Flag = Flag::new("pool", "the pool that it begins with, as JSON").value("JSON", text);

pub(crate) static KEY: Flag =
    Flag::new("key", "runs once under this key, and has the same answer each time").value("KEY", text);

pub(crate) static STEP: Flag = Flag::new("step", "show the pool before each hook, and wait for Enter");

pub(crate) static STATUS: Flag = Flag::new("status", "only runs that are so")
    .value("running|done|rectified|stuck|resolved", run_status)
    .words(&["running", "done", "rectified", "stuck", "resolved"]);

pub(crate) static LIMIT: Flag =
    Flag::new("limit", "how many runs at most: the latest, or the next after RUN")
        .value("N", count)
        .default("100");

pub(crate) static AFTER: Flag =
    Flag::new("after", "those that began after this run, page by page").value("RUN", text);

pub(crate) static NOTE: Flag =
    Flag::new("note", "who put it right and how, for those who read it later").value("TEXT", text);

pub(crate) static HELP: Flag =
    Flag::new("help", "explain everything, with examples; -h is the short form").short("h");

pub(crate) static VERSION: Flag = Flag::new("version", "print the version").short("V");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_take_both_joints_and_short_ones_are_exact() {
        for (text, flag) in [
            ("--service_path", &SERVICE),
            ("--service-path", &SERVICE),
            ("-s", &SERVICE),
            ("--log-path", &LOG_FOLDER),
            ("-cl", &CONSOLE_LEVEL),
            ("--bind-all", &BIND_ALL),
            ("--bind_all", &BIND_ALL),
        ] {
            assert!(flag.is(text), "{text}");
        }
        for text in ["-service_path", "--s", "-sx", "service_path", "-", "--"] {
            assert!(!SERVICE.is(text), "{text}");
        }
    }
}
