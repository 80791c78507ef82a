//! Tests of the whole command: what it writes, what it adds, what it leaves alone, what it refuses.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::*;
use crate::launcher::arguments::parse;

/// A folder with a spec, in which crates are made.
struct Place(TempDir);

impl Place {
    fn with(spec: &Json) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.change(spec);
        place
    }

    fn change(&self, spec: &Json) {
        fs::write(self.path("spec.json"), format!("{spec:#}")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path("order").join(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path("order").join(name), text).unwrap();
    }

    fn asked(&self, spec: &str) -> Result<Asked, String> {
        let path = |name| self.path(name).display().to_string();
        let line = ["program", "new", "-s", &path(spec), "-o", &path("order"), "--framework", "0.1.0"]
            .map(str::to_owned);
        let asked = Asked::read(&parse(&line).unwrap().options);
        let here = path("");
        asked.map_err(|problems| {
            problems
                .iter()
                .map(|problem| problem.to_string().replace(&here, ""))
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    /// Makes the crate, or adds to it.
    fn make(&self) -> Asked {
        let asked = self.asked("spec.json").unwrap();
        asked.write(|| false).unwrap();
        asked
    }

    fn mismatches(&self) -> Vec<String> {
        let asked = self.make();
        asked.plan.mismatches.iter().map(|it| format!("{}:{}: {}", it.file, it.line, it.text)).collect()
    }

    /// Every file of the crate with what is in it.
    fn all(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        let mut folders = vec![self.path("order")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push((path.clone(), fs::read_to_string(path).unwrap())),
                }
            }
        }
        files.sort();
        files
    }
}

fn arg(kind: &str) -> Json {
    json!({"type": kind, "required": true})
}

fn order() -> Json {
    json!({
        "name": "Order",
        "programs": {"buy": {
            "hooks": ["charge", "tell"], "args": {"item": arg("str")}, "outputs": {"receipt": arg("str")}
        }},
        "hooks": {
            "find": {
                "reference": "order.prices.findPrice",
                "args": {"item": arg("str"), "type": {"type": "int", "default": 3, "required": false, "description": "Which list."}},
                "description": "Looks up\n\n what it [costs].", "idempotent": true
            },
            "charge": {
                "reference": "order.payment.charge", "args": {"price": arg("float"), "note": {"type": "list", "required": false}},
                "dependencies": ["find"], "rectifiers": ["refund"]
            },
            "refund": {"reference": "order.payment.refund", "args": {"payment": arg("str")}},
            "tell": {"reference": "tell", "args": {}}
        }
    })
}

#[test]
fn the_code_says_all_that_the_spec_does() {
    let place = Place::with(&order());
    place.make();
    insta::assert_snapshot!(place.read("src/prices.rs"), @r#"
    //! The hooks of `prices`.

    use service_framework::prelude::*;

    /// What [`find_price()`] reads.
    #[derive(Debug, Message)]
    pub struct FindPriceArgs {
        pub item: String,
        /// Which list. Unless told it is 3.
        #[message(rename = "type")]
        pub type_: i64,
    }

    /// What [`find_price()`] gives: guessed from what comes after it, and yours to change.
    #[derive(Debug, Default, Message)]
    pub struct FindPriceOutput {
        pub price: f64,
    }

    /// Looks up what it \[costs].
    ///
    /// The hook `find`. To run it twice does the same as once.
    pub fn find_price(_args: FindPriceArgs) -> Result<FindPriceOutput, HookError> {
        // Yet to be written: nothing happens here.
        Ok(FindPriceOutput::default())
    }
    "#);
    insta::assert_snapshot!(place.read("src/hooks.rs"), @r#"
    //! The hooks of `hooks`.

    use service_framework::prelude::*;

    /// The hook `tell`.
    pub fn tell(pool: &mut Pool) -> Result<(), HookError> {
        // Yet to be written: nothing happens here.
        pool.set("receipt", "");
        Ok(())
    }
    "#);
    insta::assert_snapshot!(place.read("src/lib.rs"), @"
    //! Order: the functions behind the hooks of ryu_spec.json.

    mod wiring;

    pub use wiring::{SPEC, hooks, programs};

    pub mod hooks;
    pub mod payment;
    pub mod prices;
    ");
    let wiring = place.read("src/wiring.rs");
    let registered = wiring.split_once("-> Hooks {\n").unwrap().1.split_once("\n}").unwrap().0;
    insta::assert_snapshot!(registered, @r#"
        let hooks = Hooks::new();
        let hooks = hooks.hook("find", super::prices::find_price);
        let hooks = hooks
            .hook("charge", super::payment::charge)
            .rectified_by("refund", super::payment::refund);
        hooks.hook("tell", super::hooks::tell)
    "#);
    insta::assert_snapshot!(place.read("tests/programs.rs"), @r##"
    //! Tests of the programs, with the crate's own hooks. One that reaches outside gets another function for a test:
    //! `kit.instead("hook", |_: &mut Pool| Ok(()))`.

    use service_framework::testing::programs;

    /// What `buy` is asked with.
    const BUY: &str = r#"{
      "item": "item"
    }"#;

    #[test]
    fn buy_comes_to_its_end() {
        let kit = programs(order::programs());
        let run = kit.run("buy", BUY);
        assert!(run.is_done(), "{run}");
    }

    #[test]
    fn buy_is_undone_whatever_fails() {
        let kit = programs(order::programs());
        for run in kit.broken_everywhere("buy", BUY) {
            assert!(run.is_undone(), "{run}");
        }
    }
    "##);
    assert_eq!(place.read("ryu_spec.json"), fs::read_to_string(place.path("spec.json")).unwrap());
}

#[test]
fn a_second_run_changes_nothing() {
    let place = Place::with(&order());
    place.make();
    let before = place.all();
    let asked = place.make();
    assert_eq!(place.all(), before);
    assert!(asked.plan.files.is_empty() && asked.plan.mismatches.is_empty());
    assert!(asked.text(Palette::PLAIN).contains("has everything that the spec names"));
}

#[test]
fn what_a_person_wrote_stays_byte_for_byte() {
    let place = Place::with(&order());
    place.make();
    let mine = "//! Mine.\r\n\r\npub fn charge(pool: &mut Pool) -> Result<(), HookError> { Ok(()) }\t \r\nmod own { fn refund() {} }";
    place.write("src/payment.rs", mine);
    place.write("src/main.rs", "mine");
    place.write("Cargo.toml", "[package]\nname = \"my-shop\"\n");
    fs::remove_dir_all(place.path("order/vendor")).unwrap();
    let mut spec = order();
    spec["hooks"]["ship"] =
        json!({"reference": "order.out.ship", "args": {"place": arg("str")}, "rectifiers": ["recall"]});
    spec["hooks"]["recall"] = json!({"reference": "order.payment.recall", "args": {}});
    spec["programs"]["send"] = json!({"hooks": ["ship"], "args": {"place": arg("str")}, "outputs": {}});
    place.change(&spec);
    let tests = place.read("tests/programs.rs");
    place.make();
    let payment = place.read("src/payment.rs");
    assert!(payment.starts_with(mine) && payment[mine.len()..].starts_with("\n\n/// "), "{payment}");
    assert!(payment.contains("pub fn refund(_args") && payment.contains("pub fn recall(_pool"), "{payment}");
    assert!(place.read("src/out.rs").contains("pub fn ship(_args: ShipArgs)"));
    assert!(place.read("src/lib.rs").ends_with("pub mod prices;\n\npub mod out;\n"));
    assert!(place.read("src/wiring.rs").contains(".rectified_by(\"recall\", super::payment::recall)"));
    let longer = place.read("tests/programs.rs");
    assert!(longer.starts_with(&tests) && longer.contains("programs(my_shop::programs())"), "{longer}");
    assert_eq!(place.read("src/main.rs"), "mine");
    assert!(!place.path("order/vendor").exists());
}

#[test]
fn what_no_longer_matches_is_told_and_left() {
    let place = Place::with(&order());
    place.make();
    let mut spec = order();
    spec["hooks"].as_object_mut().unwrap().remove("tell");
    spec["programs"]["sell"] = spec["programs"]["buy"].clone();
    spec["programs"].as_object_mut().unwrap().remove("buy");
    spec["programs"]["sell"]["hooks"] = json!(["charge"]);
    spec["hooks"]["find"]["args"] = json!({"item": arg("int"), "count": arg("int")});
    spec["hooks"]["charge"]["args"]["price"] = arg("int");
    place.change(&spec);
    let before = place.read("src/prices.rs");
    let expected = [
        "src/hooks.rs:6: `tell` is the function of no hook of the spec",
        "src/prices.rs:7: `FindPriceArgs.item` is String, the argument i64",
        "src/prices.rs:7: `FindPriceArgs.type` is no argument of the hook `find`",
        "src/prices.rs:7: `FindPriceArgs` lacks `count: i64`, an argument of the hook `find`",
        "tests/programs.rs:12: `buy_comes_to_its_end` tests no program of the spec",
    ];
    assert_eq!(place.mismatches(), expected);
    // It is told each time.
    assert_eq!(place.mismatches(), expected);
    assert_eq!(place.read("src/prices.rs"), before);
    assert!(!place.read("src/wiring.rs").contains("\"tell\""));
}

#[test]
fn a_function_without_a_hook_is_told() {
    let place = Place::with(&order());
    place.make();
    let mut spec = order();
    spec["hooks"]["refund"]["reference"] = json!("order.payment.giveBack");
    place.change(&spec);
    assert_eq!(place.mismatches(), ["src/payment.rs:31: `refund` is the function of no hook of the spec"]);
    assert!(place.read("src/payment.rs").contains("pub fn give_back("));
}

#[test]
fn what_a_program_needs_and_its_tests_do_not_give_is_told() {
    let place = Place::with(&order());
    place.make();
    let mut spec = order();
    spec["programs"]["buy"]["args"]["coupon"] = arg("str");
    place.change(&spec);
    let told = place.mismatches();
    assert!(
        told.iter().any(|told| told.ends_with("`buy` needs `coupon`, which no test here gives it")),
        "{told:?}"
    );
}

#[test]
fn a_wiring_that_somebody_has_changed_is_theirs() {
    let place = Place::with(&order());
    place.make();
    let mine = place.read("src/wiring.rs").replace("Hooks::new();", "Hooks::new(); // mine");
    place.write("src/wiring.rs", &mine);
    assert_eq!(place.mismatches(), [""; 0]);
    let mut spec = order();
    spec["hooks"]["ship"] = json!({"reference": "out.ship", "args": {}});
    place.change(&spec);
    assert_eq!(
        place.mismatches(),
        ["src/wiring.rs:1: somebody has changed this file: add `.hook(\"ship\", super::out::ship)`"]
    );
    assert_eq!(place.read("src/wiring.rs"), mine);
    // Whoever has moved a function elsewhere, and says so there, gets no second one.
    place.write("src/wiring.rs", &mine.replace("super::hooks::tell", "super::mine::tell"));
    place.write("src/hooks.rs", "");
    place.make();
    assert_eq!(place.read("src/hooks.rs"), "");
}

#[test]
fn a_spec_that_was_changed_in_the_crate_is_not_lost() {
    let place = Place::with(&order());
    place.make();
    let mut spec = order();
    spec["version"] = json!("2");
    place.write("ryu_spec.json", &spec.to_string());
    spec["version"] = json!("3");
    place.change(&spec);
    insta::assert_snapshot!(place.asked("spec.json").err().unwrap(), @"ryu_spec.json: --spec: expected the spec in the crate, which somebody has changed, found another one (name that one by -s, or put yours in its place)");
    place.asked("order/ryu_spec.json").unwrap().write(|| false).unwrap();
    // Now it is the one that the crate was written for.
    place.make();
    assert!(place.read("ryu_spec.json").contains("\"3\""));
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    let place = Place::with(&order());
    fs::create_dir(place.path("order")).unwrap();
    place.write("notes", "mine");
    insta::assert_snapshot!(place.asked("spec.json").err().unwrap(), @"--output: expected a folder that is new, or empty but for the spec, or was made by `program new`, found order, in which something is (nothing is ever written over: name another folder by -o)");
    fs::remove_file(place.path("order/notes")).unwrap();
    fs::create_dir(place.path("order/.git")).unwrap();
    fs::rename(place.path("spec.json"), place.path("order/ryu_spec.json")).unwrap();
    let asked = place.asked("order/ryu_spec.json").unwrap();
    asked.write(|| true).unwrap_err();
    assert_eq!(place.all().len(), 1);
    asked.write(|| false).unwrap();
    assert!(place.read("Cargo.toml").contains("name = \"order\""));
}

#[test]
fn all_that_is_wrong_is_listed() {
    let line = ["program", "new", "-s", "/nowhere/spec.json", "--framework", "latest"].map(str::to_owned);
    let problems = Asked::read(&parse(&line).unwrap().options).err().unwrap();
    let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(said[0].starts_with("/nowhere/spec.json"), "{said:?}");
    assert_eq!(said[1], "--output: expected the folder of the crate: `-o FOLDER`, found nothing");
}

#[test]
fn code_is_as_rustfmt_writes_it() {
    // The other one has names and texts that mean something to Rust, to rustdoc or to shells.
    let files = ["../examples/programs/order/ryu_spec.json", "../tests/data/hostile_spec.json"];
    let read = |file: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let [example, hostile] = files.map(|file| serde_json::from_str::<Json>(&read(file)).unwrap());
    for spec in [order(), example, hostile] {
        let place = Place::with(&spec);
        place.make();
        let files =
            ["order/src/lib.rs", "order/src/main.rs", "order/tests/programs.rs"].map(|file| place.path(file));
        let Ok(found) = Command::new("rustfmt").args(["--edition", "2024", "--check"]).args(files).output()
        else {
            return;
        };
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stdout));
    }
}

#[test]
fn a_thousand_hooks_are_written_and_found_again() {
    let hooks: serde_json::Map<_, _> = (0..1000)
        .map(|number| {
            let hook = json!({"reference": format!("big.m{}.f{number}", number % 7), "args": {format!("a{number}"): arg("str")}});
            (format!("h{number}"), hook)
        })
        .collect();
    let steps: Vec<_> = hooks.keys().cloned().collect();
    let spec = json!({"name": "big", "hooks": hooks, "programs": {"all": {"hooks": steps, "args": {}, "outputs": {}}}});
    let place = Place::with(&spec);
    assert_eq!(place.make().plan.files.len(), 11);
    assert!(place.make().plan.files.is_empty());
}
