//! The files of a new crate that are the same for every spec, but for names. Written once.

use std::path::Path;

use super::words::{comment, literal};
use crate::launcher::new::shared::{Framework, Name, NewFile, in_shell, libzmq, manifest};
use crate::program::spec::Spec;

/// So wide is the column of commands at most; longer ones stand out.
pub(super) const WIDEST: usize = 40;

/// The files beside those of hooks, tests and wiring.
pub(super) fn files(spec: &Spec, name: &Name, framework: &Framework) -> Vec<NewFile> {
    let file = |path: &'static str, text: String| NewFile { path: path.into(), text };
    let mut files = vec![
        file("README.md", readme(spec, name)),
        file("Cargo.toml", manifest(name, framework, &["programs"])),
        file(".gitignore", "/target\nservice_framework.db*\n".to_owned()),
        file("src/main.rs", main(name)),
    ];
    files.extend(libzmq());
    files
}

/// Commands that work in the new folder, with what each is for.
pub(super) fn commands(spec: &Spec) -> Vec<(String, &'static str)> {
    let first = spec.programs().first();
    let args = first.map(|program| {
        let needed = program.args.iter().filter(|arg| arg.required && arg.default.is_none());
        needed
            .map(|arg| format!(" --arg {}", in_shell(Path::new(&format!("{}=…", arg.name)))))
            .collect::<String>()
    });
    let mut commands = vec![("cargo test".to_owned(), "its tests, in memory")];
    if let Some(program) = first {
        let line =
            format!("cargo run -- run {}{}", in_shell(Path::new(&program.name)), args.unwrap_or_default());
        commands.push((line, "one run, with its steps"));
    }
    commands.push(("cargo run".to_owned(), "the server, until Ctrl-C"));
    commands.push(("cargo run -- graph".to_owned(), "what undoes what"));
    commands
}

fn readme(spec: &Spec, name: &Name) -> String {
    let commands = commands(spec);
    let widths = commands.iter().map(|(command, _)| command.chars().count());
    let width = widths.filter(|width| *width <= WIDEST).max().unwrap_or_default();
    let commands: String =
        commands.iter().map(|(command, about)| format!("{command:width$}  # {about}\n")).collect();
    format!(
        "\
# {}

The programs of ryu_spec.json, written by `service_framework program new`.

```sh
{commands}```

The first build takes a few minutes: ZeroMQ's library is compiled too, which needs a C and C++ compiler and make.

| file | what is in it |
| --- | --- |
| `ryu_spec.json` | the spec: which programs there are, of which hooks, and what undoes what |
| `src/` | a function for each hook: `a.b.c` is the function `c` of the module `a::b` |
| `src/wiring.rs` | which function is behind which hook; written again as long as nobody changes it |
| `src/main.rs` | the program |
| `tests/programs.rs` | tests of each program |
| `vendor/libzmq/` | builds ZeroMQ's library with encryption; see Cargo.toml |

Until they are written, functions do nothing and give what comes after them what it needs, which is guessed. After a change of
the spec `service_framework program new -s ryu_spec.json -o .` adds what is new and says what no longer matches. It changes no
line that somebody else has written.
",
        name.as_str()
    )
}

fn main(name: &Name) -> String {
    format!(
        "\
//! The program: without a command it serves; `--help` says what else it does.

use std::process::ExitCode;

fn main() -> ExitCode {{
    service_framework::run({}::programs())
}}
",
        name.identifier()
    )
}

/// The beginning of the root of the library.
pub(super) fn root(spec: &Spec) -> String {
    let about = comment(
        "//!",
        &format!(
            "{}: the functions behind the hooks of ryu_spec.json.",
            literal(spec.name()).trim_matches('"')
        ),
    );
    format!("{about}\nmod wiring;\n\npub use wiring::{{SPEC, hooks, programs}};\n")
}
