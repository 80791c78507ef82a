//! The files of a new crate: which there are, and those that are no services. Writes nothing.

use serde_json::{Value as Json, json};

use super::addresses::addresses;
use super::code::Code;
use super::framework::Framework;
use super::name::Name;
use super::parts::{Part, Services};
use super::readme::readme;
use super::test_code::test;
use super::writing::NewFile;

/// The crate that builds libzmq with CURVE, as it is in the repository.
const LIBZMQ: [(&str, &str); 3] = [
    ("vendor/libzmq/Cargo.toml", include_str!("../../../libzmq/Cargo.toml")),
    ("vendor/libzmq/build.rs", include_str!("../../../libzmq/build.rs")),
    ("vendor/libzmq/src/lib.rs", include_str!("../../../libzmq/src/lib.rs")),
];

/// What brings CURVE.
pub(in crate::launcher) fn libzmq() -> impl Iterator<Item = NewFile> {
    LIBZMQ.into_iter().map(|(path, text)| NewFile { path: path.into(), text: text.to_owned() })
}

/// The Cargo.toml of a crate that has these features of the framework.
pub(in crate::launcher) fn manifest(name: &Name, framework: &Framework, features: &[&str]) -> String {
    let (name, dependency) = (name.as_str(), framework.dependency(features));
    let testing = framework.dependency(&[features, &["testing"]].concat());
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"

# A workspace of its own, wherever its folder is.
[workspace]
exclude = ["vendor"]

[dependencies]
service-framework = {dependency}

[dev-dependencies]
service-framework = {testing}

# ZeroMQ's library with encryption. Cargo takes a patch from the root of a workspace only: as a member of another
# one the crate needs this there, and neither here nor [workspace].
[patch.crates-io]
zeromq-src = {{ path = "vendor/libzmq" }}
"#
    )
}

/// What is to be written.
#[derive(Debug)]
pub(super) struct Crate {
    pub(super) name: Name,
    pub(super) services: Services,
    pub(super) framework: Framework,
}

impl Crate {
    /// All files, in the order in which one would read them.
    pub(super) fn files(&self) -> Vec<NewFile> {
        let file = |path: &'static str, text| NewFile { path: path.into(), text };
        let (first, second) = (self.first(), self.second());
        let mut files = vec![
            file("README.md", readme(self)),
            file("Cargo.toml", manifest(&self.name, &self.framework, &[])),
            file(".gitignore", "/target\n".to_owned()),
            file("src/lib.rs", first.file()),
        ];
        files.extend(second.as_ref().map(|second| file("src/caller.rs", second.file())));
        files.push(file("src/main.rs", self.program()));
        files.push(file("tests/service.rs", test(&first, &self.name.identifier())));
        files.push(file("addresses.json", self.addresses(&first)));
        files.extend(second.as_ref().map(|second| file("addresses_caller.json", self.addresses(second))));
        files.push(file("config.json", pretty(&json!({ "greeting": "Hello" }))));
        files.extend(second.as_ref().map(|second| file("system.json", self.system(&second.name))));
        files.extend(libzmq());
        files
    }

    /// Commands that work in the new folder, with what each is for.
    pub(super) fn commands(&self) -> Vec<(String, &'static str)> {
        let first = self.name.as_str();
        let main = if self.services.first.has(Part::Main) { " -m" } else { "" };
        let service = if self.has_second() { format!(" -s {first}") } else { String::new() };
        let line = |command: &str| format!("cargo run -- {command}");
        let files = "-a addresses.json -c config.json";
        let mut commands = vec![
            ("cargo test".to_owned(), "its test, without sockets"),
            (line(&format!("describe{service}")), "what it takes and gives"),
            (line(&format!("check{service} {files}{main}")), "all that is wrong, before a start"),
        ];
        commands.push(match self.has_second() {
            true => (line("up system.json"), "both services, until Ctrl-C"),
            false => (line(&format!("{files}{main}")), "the service, until Ctrl-C"),
        });
        commands
    }

    pub(super) fn has_second(&self) -> bool {
        self.services.second.is_some()
    }

    fn first(&self) -> Code<'_> {
        Code {
            name: self.name.as_str().to_owned(),
            parts: &self.services.first,
            is_second: false,
            has_second: self.has_second(),
        }
    }

    fn second(&self) -> Option<Code<'_>> {
        let parts = self.services.second.as_ref()?;
        Some(Code { name: self.name.with_word("caller"), parts, is_second: true, has_second: false })
    }

    fn addresses(&self, code: &Code<'_>) -> String {
        pretty(&addresses(self.name.as_str(), code.parts, self.has_second()))
    }

    fn program(&self) -> String {
        let (used, services) = match self.has_second() {
            true => ("{caller, service}", "[service(), caller::service()]"),
            false => ("service", "service()"),
        };
        format!(
            "\
//! The program: its command line is the framework's.

use std::process::ExitCode;

use {}::{used};

fn main() -> ExitCode {{
    service_framework::run({services})
}}
",
            self.name.identifier()
        )
    }

    fn system(&self, second: &str) -> String {
        let service = |name: &str, addresses: &str| json!({ "service": name, "addresses": addresses, "config": "config.json" });
        let mut caller = service(second, "addresses_caller.json");
        caller["main_mode"] = json!(true);
        let first = self.name.as_str();
        pretty(&json!({ "services": { first: service(first, "addresses.json"), second: caller } }))
    }
}

fn pretty(json: &Json) -> String {
    format!("{json:#}\n")
}
