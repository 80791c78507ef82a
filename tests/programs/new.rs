//! Crates of `program new`, from outside: the command, and the example that was made by it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::folder::{Folder, json as parsed};
use crate::support::root;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => assert!(fs::copy(&path, &target).is_ok()),
        }
    }
}

fn order() -> PathBuf {
    root().join("examples/programs/order")
}

#[test]
fn the_example_is_as_program_new_leaves_it() {
    let folder = Folder::new();
    copy(&order(), &folder.path("order"));
    let again = folder.launch("program new -s order/ryu_spec.json -o order");
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""));
    assert_eq!(again.stdout, "ok: order has everything that the spec names\n");
}

#[test]
fn a_crate_is_made_and_added_to() {
    let spec = fs::read_to_string(order().join("ryu_spec.json")).unwrap();
    let folder = Folder::new().with("ryu_spec.json", &spec);
    let made = folder.launch("program new -o shop --framework 0.1.0 --json");
    assert_eq!(made.code, Some(0), "{made:?}");
    let made = parsed(&made.stdout);
    assert_eq!((&made["is_new"], made["next"][1].as_str()), (&true.into(), Some("cargo test")));
    let folder = folder.with("ryu_spec.json", spec.replace("order.books.note_refund", "order.books.note"));
    let added = folder.launch("program new -o shop");
    assert_eq!((added.code, added.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(added.stdout, @"
    added to shop
      ryu_spec.json, written again
      src/wiring.rs, written again
      src/books.rs: note
    No longer as the spec says, and left as it is:
      src/books.rs:15: `note_refund` is the function of no hook of the spec
    ");
    // Nothing of it is left but what it made.
    assert_eq!(fs::read_dir(folder.path("shop")).unwrap().count(), 7);
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_written() {
    let folder = Folder::new().with("ryu_spec.json", "{\"name\": \"x\"}");
    let wrong = folder.launch("program new -o x");
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
    assert!(wrong.stderr.ends_with("2 problems: nothing was written\n"), "{}", wrong.stderr);
    let wrong = folder.launch("program nwe -o x");
    assert!(wrong.stderr.contains("did you mean `new`?"), "{}", wrong.stderr);
    let wrong = folder.launch("program new --otput x");
    assert!(wrong.stderr.contains("did you mean `--output`?"), "{}", wrong.stderr);
    assert!(!folder.path("x").exists());
}
