//! `service_framework new` as a user meets it: what is written where, and that nothing is left of what could not be.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::folder::{Ended, Folder, LAUNCHER, json};

/// The names in a folder, hidden ones too.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Runs the launcher by a line of shell.
fn in_shell(folder: &Folder, line: &str) -> Ended {
    let line = line.replace("NEW", &format!("{LAUNCHER} new"));
    folder.ended(folder.command("/bin/sh").args(["-c", &line]).output().unwrap())
}

#[test]
fn a_crate_is_written_once() {
    let folder = Folder::new();
    let made = folder.launch("new greeter");
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""));
    assert!(made.stdout.starts_with("made greeter\n"), "{}", made.stdout);
    for command in ["cd greeter\n", "cargo test", "cargo run -- -a addresses.json -c config.json"] {
        assert!(made.stdout.contains(command), "{}", made.stdout);
    }
    assert_eq!(names_in(&folder.path("")), ["greeter"]);
    let mine = folder.path("greeter/src/lib.rs");
    fs::write(&mine, "mine").unwrap();

    let again = folder.launch("new greeter");
    assert_eq!((again.code, again.stdout.as_str()), (Some(2), ""));
    insta::assert_snapshot!(again.stderr, @r"
    error: --path
      expected  a folder that is new or empty
      found     greeter, in which something is
      hint      nothing is ever written over: give another name, or another folder by --path
    1 problem: nothing was written
    ");
    assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
}

#[test]
fn programs_are_told_as_json() {
    let folder = Folder::new();
    let made = json(&folder.launch("new desk --with main,replyer --framework 0.1 --path here --json").stdout);
    assert_eq!(made["folder"], "here");
    assert_eq!(made["framework"], json!({"version": "0.1"}));
    assert_eq!(made["next"].as_array().unwrap().last().unwrap(), "cargo run -- up system.json");
    for file in made["files"].as_array().unwrap() {
        assert!(folder.path("here").join(file.as_str().unwrap()).is_file(), "{file}");
    }
}

#[test]
fn whoever_stands_in_an_empty_folder_stays_there() {
    let folder = Folder::new();
    let made = in_shell(&folder, "mkdir desk && cd desk && NEW order_desk --path . && ls Cargo.toml");
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""));
    assert!(made.stdout.ends_with("Cargo.toml\n") && !made.stdout.contains("cd "), "{}", made.stdout);
}

#[test]
fn a_framework_that_was_said_relatively_is_written_so() {
    let folder = Folder::new();
    let manifest = "[package]\nname = \"service-framework\"\n";
    fs::create_dir_all(folder.path("clone/service-framework")).unwrap();
    let folder = folder.with("clone/service-framework/Cargo.toml", manifest);
    fs::create_dir(folder.path("tools")).unwrap();
    let made = folder.launch("new desk --framework clone/ --path tools/desk");
    assert_eq!(made.code, Some(0), "{made:?}");
    let manifest = fs::read_to_string(folder.path("tools/desk/Cargo.toml")).unwrap();
    assert!(manifest.contains(r#"{ path = "../../clone/service-framework" }"#), "{manifest}");
}

/// A limit on the size of files, 2 KiB, stands for a disk that is full: some are written, then one cannot be.
#[test]
fn nothing_is_left_of_what_could_not_be_written() {
    let folder = Folder::new();
    let full = in_shell(&folder, "trap '' XFSZ; ulimit -f 4; NEW greeter");
    assert_eq!((full.code, full.stdout.as_str()), (Some(1), ""), "{full:?}");
    assert!(full.stderr.contains("src/lib.rs cannot be written: file too large"), "{}", full.stderr);
    assert_eq!(names_in(&folder.path("")), [""; 0]);

    fs::create_dir(folder.path("empty")).unwrap();
    let full = in_shell(&folder, "trap '' XFSZ; ulimit -f 4; NEW greeter --path empty");
    assert_eq!(full.code, Some(1), "{full:?}");
    assert_eq!(names_in(&folder.path("empty")), [""; 0]);
}

#[test]
fn wrong_usage_is_said_whole() {
    let folder = Folder::new();
    let wrong = folder.launch("new Greeter --with replier --framework /nowhere/at/all");
    assert_eq!(wrong.code, Some(2));
    insta::assert_snapshot!(wrong.stderr, @r#"
    error: NAME
      expected  a name such as order_desk: small letters of English, digits, `_` and `-`, a letter first
      found     "Greeter"
      hint      write `greeter`
    error: --with
      expected  parts of a service, with commas between: replyer, subscriber, requester, publisher, state, replica, main
      found     "replier"
      hint      did you mean `replyer`?
    error: --framework
      expected  a folder with service_framework in it
      found     "/nowhere/at/all", which is no folder
    3 problems: nothing was written
    "#);
    assert_eq!(folder.launch("new").code, Some(2));
    assert_eq!(names_in(&folder.path("")), [""; 0]);
}

#[test]
fn a_limit_on_the_size_of_files_is_told_like_a_full_disk() {
    let folder = Folder::new();
    let made = in_shell(&folder, "ulimit -f 1; NEW greeter");
    assert_eq!(made.code, Some(1), "{}", made.stderr);
    assert!(
        made.stderr.contains("cannot be written: file too large; nothing is left of it"),
        "{}",
        made.stderr
    );
    assert_eq!(names_in(&folder.path("")), [""; 0]);
}
