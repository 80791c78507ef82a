//! `src/wiring.rs`: which function is behind which hook. The only file of a crate that is written again, and only while nobody
//! else has changed it.

use std::collections::BTreeMap;

use super::layout::Place;
use super::words::literal;
use crate::program::spec::Target;

/// As wide as rustfmt lets a line be, and a chain of calls on one line.
const WIDTH: usize = 100;
const CHAIN_WIDTH: usize = 60;

/// What the last line of the head begins with.
const MARK: &str = "// root ";

/// The head of a file that was written so before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The first part of references that stands for the crate.
    pub(super) root: String,
    /// The sum over the spec that it was written for.
    pub(super) spec: String,
    /// Whether it is as it was written.
    pub(super) is_unchanged: bool,
}

/// A sum over text, whatever its spaces and commas: formatting changes nothing.
pub(super) fn sum(text: &str) -> String {
    let text: String = shown(text).collect();
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

/// Whether two files are the same but for formatting.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    shown(one).eq(shown(other))
}

fn shown(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| !c.is_whitespace() && *c != ',')
}

/// Reads the head of a file; none if it was never written so.
pub(super) fn head(text: &str) -> Option<Head> {
    let line = text.lines().find_map(|line| line.strip_prefix(MARK))?;
    let (root, rest) = line.split_once(", spec ")?;
    let (spec, code) = rest.split_once(", code ")?;
    let body = text.split_once(line)?.1;
    Some(Head { root: root.to_owned(), spec: spec.to_owned(), is_unchanged: sum(body) == code.trim() })
}

/// The whole file. `spec_text` is that of the spec's file.
pub(super) fn wiring(places: &[Place<'_>], root: &str, spec_text: &str) -> String {
    let body = format!(
        r#"
use service_framework::program::Hooks;
use service_framework::service::Programs;

/// The spec, as it was when this was compiled.
pub const SPEC: &str = include_str!("../ryu_spec.json");

/// The function behind each hook, and beside it what undoes it.
pub fn hooks() -> Hooks {{
{}}}

/// The programs of the spec with these hooks.
pub fn programs() -> Programs {{
    Programs::from_text(SPEC, hooks())
}}
"#,
        registered(places)
    );
    format!(
        "\
//! Which function is behind which hook. `service_framework program new` writes this file again after
//! a change of the spec, as long as nobody else has changed it: the line below tells.
{MARK}{root}, spec {}, code {}
{body}",
        sum(spec_text),
        sum(&body)
    )
}

fn registered(places: &[Place<'_>]) -> String {
    let by_hook: BTreeMap<usize, &Place<'_>> = places.iter().map(|place| (place.number, place)).collect();
    let mut is_beside = vec![false; places.len()];
    for place in places {
        rectifiers(place).for_each(|number| is_beside[number] = true);
    }
    // A rectifier stands beside what it undoes, and is named itself only if something undoes it.
    let named = places.iter().filter(|place| !is_beside[place.number] || rectifiers(place).next().is_some());
    let calls: Vec<Vec<_>> = named
        .map(|place| {
            let beside = rectifiers(place).filter_map(|number| by_hook.get(&number));
            [(".hook", place)].into_iter().chain(beside.map(|place| (".rectified_by", *place))).collect()
        })
        .collect();
    match calls.split_last() {
        None => "    Hooks::new()\n".to_owned(),
        Some((last, others)) => {
            let others: String =
                others.iter().map(|calls| statement("    let hooks = ", calls, ";")).collect();
            format!("    let hooks = Hooks::new();\n{others}{}", statement("    ", last, ""))
        }
    }
}

fn rectifiers<'a>(place: &'a Place<'_>) -> impl Iterator<Item = usize> + 'a {
    let mut seen = std::collections::BTreeSet::new();
    let hooks = place.hook.rectifiers.iter().filter_map(|target| match target {
        Target::Hook(number) => Some(*number),
        Target::Program(_) => None,
    });
    hooks.filter(move |number| seen.insert(*number))
}

/// A statement for each hook: a thousand calls in one chain would be too many for a compiler.
fn statement(before: &str, calls: &[(&str, &Place<'_>)], after: &str) -> String {
    let named = |(call, place): &(&str, &Place<'_>)| {
        format!("{call}({}, {})", literal(&place.hook.name), place.path())
    };
    let chain: String = calls.iter().map(named).collect();
    let line = format!("{before}hooks{chain}{after}");
    let is_short = calls.len() == 1 || "hooks".len() + chain.len() <= CHAIN_WIDTH;
    if is_short && line.chars().count() <= WIDTH {
        return format!("{line}\n");
    }
    let broken: String = calls.iter().map(|call| format!("\n        {}", broken(call))).collect();
    format!("{before}hooks{broken}{after}\n")
}

fn broken((call, place): &(&str, &Place<'_>)) -> String {
    let (name, path) = (literal(&place.hook.name), place.path());
    let line = format!("{call}({name}, {path})");
    match line.chars().count() + 9 <= WIDTH {
        true => line,
        false => format!("{call}(\n            {name},\n            {path},\n        )"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::layout;
    use super::super::layout::tests::spec_of;
    use super::*;

    #[test]
    fn a_change_is_seen_and_formatting_is_none() {
        let spec = spec_of(&["order.stock.reserve"]);
        let text = wiring(&layout(&spec, "order").unwrap(), "order", "{}");
        let read = head(&text).unwrap();
        assert_eq!((read.root.as_str(), read.spec.as_str(), read.is_unchanged), ("order", &*sum("{}"), true));
        assert!(head(&text.replace("    let", "  let").replace('\n', "\r\n")).unwrap().is_unchanged);
        assert!(!head(&text.replace("stock::reserve", "stock::release")).unwrap().is_unchanged);
        assert_eq!(head("//! Mine.\n"), None);
    }
}
