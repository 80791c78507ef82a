//! Names: what may be one, and which are the framework's own.

use crate::model::Problem;

/// The entries of a pool that the framework writes; a client cannot set them.
pub const FRAMEWORK_NAMES: [&str; 10] = [
    "_program_name",
    "_program_time_start",
    "_program_fail",
    "_dependency_fail",
    "_rectifier_fail",
    "_last_failed_program",
    "_traceback",
    "_step_through",
    "_in_doubt",
    "_cancelled",
];

/// Whether the framework writes the entry `name` of a pool.
#[must_use]
pub fn is_framework_name(name: &str) -> bool {
    FRAMEWORK_NAMES.contains(&name)
}

/// The name of a spec: letters, digits, spaces, `_` and `-`.
pub(super) fn check_spec_name(name: &str, problems: &mut Vec<Problem>) {
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-');
    if !name.chars().all(is_of_name) || !name.contains(char::is_alphanumeric) {
        problems.push(Problem::new(
            "name",
            "a name of letters, digits, spaces, `_` and `-`",
            format!("{name:?}"),
        ));
    }
}

/// The name of a program: anything that can be read.
pub(super) fn check_program_name(name: &str, path: &str, problems: &mut Vec<Problem>) {
    if !is_readable(name) {
        problems.push(Problem::new(path, "the name of a program", format!("{name:?}")));
    }
}

/// The name of a hook: a dot would be taken for a part of the path to it.
pub(super) fn check_hook_name(name: &str, path: &str, problems: &mut Vec<Problem>) {
    if !is_readable(name) || name.contains('.') {
        problems.push(Problem::new(path, "the name of a hook, without a dot", format!("{name:?}")));
    }
}

/// The path of a function: readable words with dots between them.
pub(super) fn check_function(reference: &str, path: &str, problems: &mut Vec<Problem>) {
    if !reference.split('.').all(is_readable) {
        let expected = "the path of a function, such as `order.stock.reserve`";
        problems.push(Problem::new(path, expected, format!("{reference:?}")));
    }
}

/// The name of an arg: anything but nothing.
pub(super) fn check_arg_name(name: &str, path: &str, problems: &mut Vec<Problem>) {
    if name.is_empty() {
        problems.push(Problem::new(path, "the name of an arg", "\"\""));
    }
}

/// What a client gives under the framework's own names is dropped, so a program cannot ask for it.
pub(super) fn check_program_arg(name: &str, path: &str, problems: &mut Vec<Problem>) {
    if is_framework_name(name) {
        let problem = Problem::new(path, "a name that is not the framework's own", format!("{name:?}"));
        problems.push(problem.with_hint("hooks and outputs may name it; the framework sets it"));
    }
}

fn is_readable(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.contains(char::is_control)
}
