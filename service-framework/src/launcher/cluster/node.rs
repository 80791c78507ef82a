//! `node`: a member of a cluster as a process of its own.

use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::keys;
use crate::cluster::{Founding, Happening, Node, NodeBuilder, NodeError};
use crate::connection::Endpoint;
use crate::launcher::arguments::Options;
use crate::launcher::say::say;
use crate::launcher::{exit, limits, report, run as running, signals};
use crate::model::Problem;

/// Runs a node until a signal comes or it has been told to leave.
///
/// # Errors
/// All that is wrong with the command line. Nothing was started.
pub(super) fn run(options: &Options) -> Result<ExitCode, Vec<Problem>> {
    // Before the keys are read, so that no change is missed.
    let watch = options.clusters.keys.as_deref().map(keys::Watch::new);
    let builder = builder(options)?;
    running::start_logs(options.clusters.name.as_deref().unwrap_or("node"), options)?;
    limits::raise_open_files();
    let node = match builder.start() {
        Ok(node) => node,
        Err(error) => return wrong(error),
    };
    let addresses: Vec<&str> = node.addresses().iter().map(|address| &*address.0).collect();
    tracing::info!(node = %node.id(), cluster = options.clusters.cluster, "listening at {}", addresses.join(", "));
    Ok(wait(&node, watch))
}

/// What is wrong with the line or the files, or that it could not be started.
fn wrong(error: NodeError) -> Result<ExitCode, Vec<Problem>> {
    let problem = match error {
        NodeError::Address { flag, address, reason } => {
            Problem::new(flag, Endpoint::EXPECTED, format!("{address:?}: {reason}"))
        }
        NodeError::Insecure(address) => {
            let found = format!("{address}, which other hosts reach, and no keys");
            let problem = Problem::new("--listen", "an address of this host, or keys", found);
            problem.with_hint("`cluster keys FILE` makes keys for --keys; --insecure lets anybody join")
        }
        NodeError::OtherCluster { kept, cluster } => {
            let found = format!("{cluster:?}, while what is in --data is of {kept:?}");
            let problem = Problem::new("--cluster", "the cluster of the folder", found);
            problem.with_hint("another folder for --data makes a new node")
        }
        NodeError::Keys(reason) => Problem::new("--keys", "keys with which the node may join", reason),
        NodeError::Folder { folder, reason } => {
            Problem::new("--data", "a folder that can be written", format!("{folder:?}: {reason}"))
        }
        other => {
            say!("error: {}", report::chain(&other));
            return Ok(ExitCode::from(exit::FAILED));
        }
    };
    Err(vec![problem])
}

/// Until the node has ended, by itself or by a signal.
fn wait(node: &Node, mut keys: Option<keys::Watch>) -> ExitCode {
    let happenings = node.happenings();
    let (stop, stopped) = channel();
    let watched = signals::on_stop(
        move |_| {
            // If nobody listens the node has ended.
            let _ = stop.send(());
        },
        || {},
    );
    if let Err(error) = watched {
        tracing::error!("cannot watch for signals: {error}");
        return ExitCode::from(exit::FAILED);
    }
    loop {
        while let Ok(happening) = happenings.try_recv() {
            if let Happening::Failed(_) = happening {
                return ExitCode::from(exit::FAILED);
            }
        }
        if let Some(keys) = keys.as_mut().and_then(keys::Watch::changed) {
            match node.change_keys(keys) {
                Ok(()) => tracing::info!("the keys of the cluster have changed"),
                Err(error) => tracing::error!("the keys stay as they were: {error}"),
            }
        }
        if node.is_over() {
            return ExitCode::from(exit::OK);
        }
        if stopped.recv_timeout(Duration::from_millis(200)).is_ok() {
            node.leave();
            return ExitCode::from(exit::OK);
        }
    }
}

fn builder(options: &Options) -> Result<NodeBuilder, Vec<Problem>> {
    let of = &options.clusters;
    let empty = [("--cluster", Some(&of.cluster)), ("--name", of.name.as_ref())];
    if let Some((flag, _)) = empty.into_iter().find(|(_, said)| said.is_some_and(String::is_empty)) {
        return Err(vec![Problem::new(flag, "a name", "nothing")]);
    }
    let mut builder = Node::builder(&of.cluster).join(&of.join).founding(founding(options)?);
    for address in &of.listen {
        builder = builder.listen(address);
    }
    for info in &of.info {
        let Some((key, value)) = info.split_once('=') else {
            return Err(vec![Problem::new("--info", "KEY=VALUE", format!("{info:?}"))]);
        };
        builder = builder.info(key, value);
    }
    if let Some(name) = &of.name {
        builder = builder.name(name);
    }
    if let Some(folder) = &of.data {
        builder = builder.folder(folder);
    }
    if of.insecure {
        builder = builder.insecure();
    }
    Ok(match keys::named_or_given(options)? {
        Some(keys) => builder.keys(keys),
        None => builder,
    })
}

fn founding(options: &Options) -> Result<Founding, Vec<Problem>> {
    match (options.clusters.bootstrap, options.clusters.no_bootstrap) {
        (true, true) => {
            let found = "both --bootstrap and --no_bootstrap";
            Err(vec![Problem::new("command line", "one of them at most", found)])
        }
        (true, false) => Ok(Founding::AtOnce),
        (false, true) if options.clusters.join.is_empty() && options.clusters.data.is_none() => {
            Err(vec![Problem::missing("--join", "where to join, with --no_bootstrap and without --data")])
        }
        (false, true) => Ok(Founding::Never),
        (false, false) => Ok(Founding::IfNobodyAnswers),
    }
}
