//! Commands behind `cluster`, and `node`. A new one is one more entry of [`OF_CLUSTERS`].

use super::cluster_flags::{
    BOOTSTRAP, CLUSTER_JSON, CLUSTER_NAME, DATA, EMIT_TO, INSECURE, JOIN, KEYS, MEMBERS_ALL, NO_BOOTSTRAP,
    NODE_ADDRESS, NODE_INFO, NODE_LISTEN, NODE_NAME, PATIENCE, SEED, SVG, TOKEN, VALID,
};
use super::commands::{Command, Name, Positional};
use super::flags::{BACKUP_COUNT, COLOR, CONSOLE_LEVEL, FILE_LEVEL, HELP, LOG_FOLDER, LOG_FORMAT};

/// Which of them it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClusterCommand {
    Node,
    Members,
    Services,
    Events,
    Emit,
    Map,
    Leave,
    Inspect,
    Keys,
    Token,
    Sim,
}

const OPTIONAL_NAME: Positional =
    Positional { name: "NAME", help: "only events of this name", required: false, choices: &[] };

impl ClusterCommand {
    /// What stands by its place behind the first argument that does.
    pub(super) fn further(self) -> &'static [Positional] {
        const DATA_OF_EVENT: [Positional; 1] = [Positional {
            name: "JSON",
            help: "what it carries; nothing if not said",
            required: false,
            choices: &[],
        }];
        const OF_MAP: [Positional; 3] = [
            Positional { name: "MAP", help: "the map's name", required: true, choices: &[] },
            Positional { name: "KEY", help: "a key in it; all if not said", required: false, choices: &[] },
            Positional {
                name: "JSON",
                help: "the value that is set; null deletes the key",
                required: false,
                choices: &[],
            },
        ];
        const OF_KEYS: [Positional; 1] = [Positional {
            name: "STEP",
            help: "of changing the secret; new keys are made if not said",
            required: false,
            choices: &["add", "use", "drop"],
        }];
        match self {
            Self::Keys => &OF_KEYS,
            Self::Emit => &DATA_OF_EVENT,
            Self::Map => &OF_MAP,
            _ => &[],
        }
    }
}

/// `node`.
pub(super) const NODE: Command = Command {
    name: Name::Cluster(ClusterCommand::Node),
    word: "node",
    about: "Run a node of a cluster.",
    usage: "[--join ADDRESS …] [--listen ADDRESS …] [--data FOLDER] [--keys FILE]",
    flags: &[
        &JOIN,
        &NODE_LISTEN,
        &NODE_NAME,
        &CLUSTER_NAME,
        &DATA,
        &KEYS,
        &TOKEN,
        &INSECURE,
        &BOOTSTRAP,
        &NO_BOOTSTRAP,
        &NODE_INFO,
        &CONSOLE_LEVEL,
        &LOG_FORMAT,
        &LOG_FOLDER,
        &FILE_LEVEL,
        &BACKUP_COUNT,
        &COLOR,
        &HELP,
    ],
    positional: None,
    commands: &[],
    takes_config: false,
    lesson: include_str!("help/node.txt"),
};

/// Every command behind `cluster`, in the order of help.
pub(super) static OF_CLUSTERS: [Command; 10] = [
    Command {
        name: Name::Cluster(ClusterCommand::Members),
        word: "cluster members",
        about: "List the members as one node sees them.",
        usage: "[--all] [--node ADDRESS] [--json]",
        flags: &[&MEMBERS_ALL, &NODE_ADDRESS, &KEYS, &PATIENCE, &CLUSTER_JSON, &COLOR, &HELP],
        positional: None,
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/cluster_members.txt"),
    },
    Command {
        name: Name::Cluster(ClusterCommand::Services),
        word: "cluster services",
        about: "List which services are registered where, as one node sees it.",
        usage: "[SERVICE] [--node ADDRESS] [--json]",
        flags: &[&NODE_ADDRESS, &KEYS, &PATIENCE, &CLUSTER_JSON, &COLOR, &HELP],
        positional: Some(Positional {
            name: "SERVICE",
            help: "only this one",
            required: false,
            choices: &[],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/cluster_services.txt"),
    },
    Command {
        name: Name::Cluster(ClusterCommand::Events),
        word: "cluster events",
        about: "Show events and what members do, as it happens.",
        usage: "[NAME] [--node ADDRESS] [--json]",
        flags: &[&NODE_ADDRESS, &KEYS, &PATIENCE, &CLUSTER_JSON, &COLOR, &HELP],
        positional: Some(OPTIONAL_NAME),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/cluster_events.txt"),
    },
    Command {
        name: Name::Cluster(ClusterCommand::Emit),
        word: "cluster emit",
        about: "Send an event to all members, or to one.",
        usage: "NAME [JSON] [--to NODE] [--node ADDRESS] [--json]",
        flags: &[&EMIT_TO, &NODE_ADDRESS, &KEYS, &PATIENCE, &CLUSTER_JSON, &COLOR, &HELP],
        positional: Some(Positional { name: "NAME", help: "the event's name", required: true, choices: &[] }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/cluster_emit.txt"),
    },
    Command {
        name: Name::Cluster(ClusterCommand::Map),
        word: "cluster map",
        about: "Read, write and watch shared data.",
        usage: "get|set|watch MAP [KEY] [JSON] [--node ADDRESS] [--json]",
        flags: &[&NODE_ADDRESS, &KEYS, &PATIENCE, &CLUSTER_JSON, &COLOR, &HELP],
        positional: Some(Positional {
            name: "ACTION",
            help: "what to do",
            required: true,
            choices: &["get", "set", "watch"],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/cluster_map.txt"),
    },
    Command {
        name: Name::Cluster(ClusterCommand::Leave),
        word: "cluster leave",
        about: "Have a node take its leave and end.",
        usage: "[--node ADDRESS] [--json]",
        flags: &[&NODE_ADDRESS, &KEYS, &PATIENCE, &CLUSTER_JSON, &COLOR, &HELP],
        positional: None,
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/cluster_leave.txt"),
    },
    Command {
        name: Name::Cluster(ClusterCommand::Inspect),
        word: "cluster inspect",
        about: "Print what a node is and what it has counted, as JSON.",
        usage: "[--node ADDRESS]",
        flags: &[&NODE_ADDRESS, &KEYS, &PATIENCE, &CLUSTER_JSON, &COLOR, &HELP],
        positional: None,
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/cluster_inspect.txt"),
    },
    Command {
        name: Name::Cluster(ClusterCommand::Keys),
        word: "cluster keys",
        about: "Make the keys of a cluster, or change its secret step by step.",
        usage: "FILE [add|use|drop]",
        flags: &[&COLOR, &HELP],
        positional: Some(Positional {
            name: "FILE",
            help: "where they are written",
            required: true,
            choices: &[],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/cluster_keys.txt"),
    },
    Command {
        name: Name::Cluster(ClusterCommand::Token),
        word: "cluster token",
        about: "Print a join token: with it a new node is given the keys, for a while.",
        usage: "--keys FILE [--valid DURATION]",
        flags: &[&KEYS, &VALID, &COLOR, &HELP],
        positional: None,
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/cluster_token.txt"),
    },
    Command {
        name: Name::Cluster(ClusterCommand::Sim),
        word: "cluster sim",
        about: "Run a cluster under faults, in no time, and check every guarantee.",
        usage: "SCENARIO [--seed N] [--svg FILE] [--json]",
        flags: &[&SEED, &SVG, &CLUSTER_JSON, &COLOR, &HELP],
        positional: Some(Positional {
            name: "SCENARIO",
            help: "scenario JSON: how many nodes, and what happens to them",
            required: true,
            choices: &[],
        }),
        commands: &[],
        takes_config: false,
        lesson: include_str!("help/cluster_sim.txt"),
    },
];
