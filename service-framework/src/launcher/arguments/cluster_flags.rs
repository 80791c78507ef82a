//! Flags of `node` and of the commands behind `cluster`.

use super::flags::{Flag, duration, number, path, text};

pub(crate) static JOIN: Flag =
    Flag::new("join", "where any member listens; may be said often, all are tried for ever")
        .value("ADDRESS", text)
        .many();

pub(crate) static NODE_LISTEN: Flag =
    Flag::new("listen", "where it listens, such as 10.0.0.5:60858 or ipc://PATH; may be said often")
        .value("ADDRESS", text)
        .many()
        .more(&[
            "127.0.0.1:60858 if not said. `*` as host is every interface, and needs --keys; port 0",
            "is one that the system chooses, and is logged.",
        ]);

pub(crate) static NODE_NAME: Flag =
    Flag::new("name", "what it is called in lists; where it listens if not said").value("NAME", text);

pub(crate) static CLUSTER_NAME: Flag =
    Flag::new("cluster", "the cluster's name; nodes of others are not spoken to")
        .value("NAME", text)
        .default("default");

pub(crate) static DATA: Flag =
    Flag::new("data", "keep in this folder who it is, whom it knew and what it shares")
        .value("FOLDER", path)
        .more(&["Without it the node is another one at each start, and its data is gone with it."]);

pub(crate) static KEYS: Flag =
    Flag::new("keys", "the keys of the cluster, as `cluster keys` writes them").value("FILE", path);

pub(crate) static TOKEN: Flag =
    Flag::new("token", "a file with a join token: where there is no file of keys yet, it is given one")
        .value("FILE", path)
        .more(&[
            "As `cluster token` prints it. The keys are written to the file that --keys names, and the",
            "token is not looked at once that is there.",
        ]);

pub(crate) static VALID: Flag =
    Flag::new("valid", "how long the token may be used").value("DURATION", duration).default("1h");

pub(crate) static INSECURE: Flag =
    Flag::new("insecure", "listen where other hosts can reach it although there are no keys")
        .more(&["Anybody who can reach it can join then, read everything and write everything."]);

pub(crate) static BOOTSTRAP: Flag =
    Flag::new("bootstrap", "start a cluster at once, and join others when they answer");

pub(crate) static NO_BOOTSTRAP: Flag =
    Flag::new("no_bootstrap", "never start a cluster: wait until a member answers").more(&[
        "Without either it starts one if nobody answers within three seconds. Clusters of one",
        "name become one when they meet.",
    ]);

pub(crate) static NODE_INFO: Flag =
    Flag::new("info", "something that it says of itself to others; may be said often")
        .value("KEY=VALUE", text)
        .many();

pub(crate) static NODE_ADDRESS: Flag = Flag::new("node", "where the node listens that is asked")
    .value("ADDRESS", text)
    .more(&["Without it SERVICE_FRAMEWORK_NODE, else 127.0.0.1:60858."]);

pub(crate) static MEMBERS_ALL: Flag = Flag::new("all", "those too who are down or have left");

pub(crate) static EMIT_TO: Flag =
    Flag::new("to", "only to this member: its name, its id, or what the id begins with").value("NODE", text);

pub(crate) static PATIENCE: Flag =
    Flag::new("timeout", "how long to wait for the node").value("DURATION", duration).default("5s");

pub(crate) static CLUSTER_JSON: Flag = Flag::new("json", "print JSON, of what goes on one object a line");

pub(crate) static SEED: Flag = Flag::new("seed", "another seed than that of the scenario").value("N", number);

pub(crate) static SVG: Flag = Flag::new("svg", "draw what happened as a timeline").value("FILE", path);
