//! The README.md of a new crate: what to type, and what is in which file.

use super::files::Crate;
use super::parts::Part;

/// What each part of a lone service talks to.
const ELSEWHERE: [(Part, &str); 3] = [
    (Part::Requester, "`friend`, which answers `hello` as this one does"),
    (Part::Subscriber, "`arrivals`, which publishes names"),
    (Part::Replica, "`others`, the state of a service like this one"),
];

pub(super) fn readme(new: &Crate) -> String {
    let (commands, files, elsewhere) = (commands(new), files(new), elsewhere(new));
    format!(
        "\
# {name}

A service, written by `service_framework new`.

```sh
{commands}```

The first build takes a few minutes: ZeroMQ's library is compiled too, which needs a C and C++ compiler and make.

| file | what is in it |
| --- | --- |
{files}{elsewhere}",
        name = new.name.as_str()
    )
}

/// One a line, with what each is for.
fn commands(new: &Crate) -> String {
    let commands = new.commands();
    let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    commands.iter().map(|(command, about)| format!("{command:width$}  # {about}\n")).collect()
}

fn files(new: &Crate) -> String {
    let second = |row| new.has_second().then_some(row);
    let rows = [
        Some(("src/lib.rs", "the service: its config, its messages, a function for each part")),
        second(("src/caller.rs", "the other end of it: a service that runs `main`")),
        Some(("src/main.rs", "the program")),
        Some(("tests/service.rs", "a test of the service, without sockets")),
        Some(("addresses.json", "where its sockets bind and connect")),
        second(("addresses_caller.json", "the same for the other end")),
        Some(("config.json", "its config; `--greeting Welcome` on the command line comes over it")),
        second(("system.json", "which services `up` runs, with which files")),
        Some(("vendor/libzmq/", "builds ZeroMQ's library with encryption; see Cargo.toml")),
    ];
    rows.iter().flatten().map(|(file, about)| format!("| `{file}` | {about} |\n")).collect()
}

/// Services that somebody else has to run.
fn elsewhere(new: &Crate) -> String {
    let has = |part| !new.has_second() && new.services.first.has(part);
    let lines: String =
        ELSEWHERE.iter().filter(|(part, _)| has(*part)).map(|(_, line)| format!("- {line}\n")).collect();
    match lines.as_str() {
        "" => lines,
        lines => format!("\nNot in this crate; addresses.json says where the service expects them:\n{lines}"),
    }
}
