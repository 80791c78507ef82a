//! Tests of the whole command: which files are written, what is said, and what is refused.

mod code;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::launcher::arguments::parse;

/// What `new` was asked for, or all that is wrong with it.
fn asked(line: &str) -> Result<Asked, String> {
    let line = format!("new {line}");
    let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
    let asked = Asked::read(&parse(&words).unwrap().options);
    asked.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// With the framework in a folder that is everywhere the same.
fn new_crate(name: &str, with: &str) -> Crate {
    let framework = Framework::Folder("/clone/service-framework".into());
    Crate { name: Name::read(name).unwrap(), services: Services::of(&Parts::read(with).unwrap()), framework }
}

fn text(new: &Crate, path: &str) -> String {
    let file = new.files().into_iter().find(|file| file.path == path);
    file.unwrap_or_else(|| panic!("no {path}")).text
}

fn paths(with: &str) -> Vec<String> {
    new_crate("greeter", with).files().into_iter().map(|file| file.path.into_owned()).collect()
}

#[test]
fn a_crate_of_one_service_has_its_files() {
    assert_eq!(
        paths("replyer"),
        [
            "README.md",
            "Cargo.toml",
            ".gitignore",
            "src/lib.rs",
            "src/main.rs",
            "tests/service.rs",
            "addresses.json",
            "config.json",
            "vendor/libzmq/Cargo.toml",
            "vendor/libzmq/build.rs",
            "vendor/libzmq/src/lib.rs",
        ]
    );
    let more: Vec<_> = paths("replyer,main");
    let one: BTreeSet<_> = paths("replyer").into_iter().collect();
    let more: Vec<_> = more.into_iter().filter(|path| !one.contains(path)).collect();
    assert_eq!(more, ["src/caller.rs", "addresses_caller.json", "system.json"]);
}

#[test]
fn the_manifest_stands_alone_and_brings_the_patch() {
    insta::assert_snapshot!(text(&new_crate("greeter", "main"), "Cargo.toml"), @r#"
    [package]
    name = "greeter"
    version = "0.1.0"
    edition = "2024"

    # A workspace of its own, wherever its folder is.
    [workspace]
    exclude = ["vendor"]

    [dependencies]
    service-framework = { path = "/clone/service-framework" }

    [dev-dependencies]
    service-framework = { path = "/clone/service-framework", features = ["testing"] }

    # ZeroMQ's library with encryption. Cargo takes a patch from the root of a workspace only: as a member of another
    # one the crate needs this there, and neither here nor [workspace].
    [patch.crates-io]
    zeromq-src = { path = "vendor/libzmq" }
    "#);
}

#[test]
fn the_readme_says_what_to_type() {
    insta::assert_snapshot!(text(&new_crate("greeter", "replyer,requester"), "README.md"), @r"
    # greeter

    A service, written by `service_framework new`.

    ```sh
    cargo test                                           # its test, without sockets
    cargo run -- describe                                # what it takes and gives
    cargo run -- check -a addresses.json -c config.json  # all that is wrong, before a start
    cargo run -- -a addresses.json -c config.json        # the service, until Ctrl-C
    ```

    The first build takes a few minutes: ZeroMQ's library is compiled too, which needs a C and C++ compiler and make.

    | file | what is in it |
    | --- | --- |
    | `src/lib.rs` | the service: its config, its messages, a function for each part |
    | `src/main.rs` | the program |
    | `tests/service.rs` | a test of the service, without sockets |
    | `addresses.json` | where its sockets bind and connect |
    | `config.json` | its config; `--greeting Welcome` on the command line comes over it |
    | `vendor/libzmq/` | builds ZeroMQ's library with encryption; see Cargo.toml |

    Not in this crate; addresses.json says where the service expects them:
    - `friend`, which answers `hello` as this one does
    ");
}

#[test]
fn what_is_vendored_is_what_the_repository_has() {
    let new = new_crate("greeter", "replyer");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("libzmq");
    let ours: Vec<_> =
        new.files().into_iter().filter(|file| file.path.starts_with("vendor/libzmq/")).collect();
    for file in &ours {
        let path = here.join(file.path.trim_start_matches("vendor/libzmq/"));
        assert_eq!(file.text, fs::read_to_string(path).unwrap(), "{}", file.path);
        assert!(!file.text.contains("workspace = true"), "{} is for any workspace", file.path);
    }
    let all = fs::read_dir(&here).unwrap().chain(fs::read_dir(here.join("src")).unwrap());
    assert_eq!(ours.len(), all.filter(|entry| entry.as_ref().unwrap().path().is_file()).count());
}

#[test]
fn all_that_is_wrong_is_listed() {
    insta::assert_snapshot!(asked("Desk --with replier --framework latest --path /nowhere/desk").err().unwrap(), @r#"
    NAME: expected a name such as order_desk: small letters of English, digits, `_` and `-`, a letter first, found "Desk" (write `desk`)
    --with: expected parts of a service, with commas between: replyer, subscriber, requester, publisher, state, replica, main, found "replier" (did you mean `replyer`?)
    --path: expected a new folder in one that is there, found /nowhere/desk (first `mkdir -p /nowhere`)
    --framework: expected the folder, git address or version of service_framework, found "latest" (a folder has a `/`: `./NAME`; a git address begins with `https://`)
    "#);
    insta::assert_snapshot!(asked("Desk").err().unwrap(), @r#"NAME: expected a name such as order_desk: small letters of English, digits, `_` and `-`, a letter first, found "Desk" (write `desk`)"#);
}

#[test]
fn what_was_made_is_told_with_what_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my desk");
    let line = ["new", "desk", "--with", "state", "--path", path.to_str().unwrap()].map(str::to_owned);
    let mut asked = Asked::read(&parse(&line).unwrap().options).map_err(drop).unwrap();
    asked.new.framework = Framework::Version("0.1.0".to_owned());
    let files = asked.new.files();
    let here = |text: String| text.replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(here(asked.text(&files, Palette::PLAIN)), @r"
    made FOLDER/my desk
      README.md
      Cargo.toml
      .gitignore
      src/lib.rs
      src/main.rs
      tests/service.rs
      addresses.json
      config.json
      vendor/libzmq/Cargo.toml
      vendor/libzmq/build.rs
      vendor/libzmq/src/lib.rs
    with service_framework from crates.io, version 0.1.0
    note: main was added: something has to use what goes out
    Next:
      cd 'FOLDER/my desk'
      cargo test                                              its test, without sockets
      cargo run -- describe                                   what it takes and gives
      cargo run -- check -a addresses.json -c config.json -m  all that is wrong, before a start
      cargo run -- -a addresses.json -c config.json -m        the service, until Ctrl-C
    ");
    insta::assert_snapshot!(here(format!("{:#}", asked.to_json(&files))), @r#"
    {
      "name": "desk",
      "folder": "FOLDER/my desk",
      "files": [
        "README.md",
        "Cargo.toml",
        ".gitignore",
        "src/lib.rs",
        "src/main.rs",
        "tests/service.rs",
        "addresses.json",
        "config.json",
        "vendor/libzmq/Cargo.toml",
        "vendor/libzmq/build.rs",
        "vendor/libzmq/src/lib.rs"
      ],
      "framework": {
        "version": "0.1.0"
      },
      "notes": [
        "main was added: something has to use what goes out"
      ],
      "next": [
        "cd 'FOLDER/my desk'",
        "cargo test",
        "cargo run -- describe",
        "cargo run -- check -a addresses.json -c config.json -m",
        "cargo run -- -a addresses.json -c config.json -m"
      ]
    }
    "#);
}
