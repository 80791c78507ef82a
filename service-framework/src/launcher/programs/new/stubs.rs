//! The code of a hook that nobody has written yet: types for what it reads and gives, and a function that does nothing.

use std::collections::BTreeSet;

use super::gives::Names;
use super::layout::Place;
use super::words::{comment, literal, pascal, snake, unique};
use crate::program::spec::{Arg, ArgType, Spec, Target};

/// As wide as rustfmt lets a line be.
const WIDTH: usize = 100;

/// The type of an arg in Rust.
pub(super) fn type_of(kind: ArgType) -> &'static str {
    match kind {
        ArgType::Str => "String",
        ArgType::Int => "i64",
        ArgType::Float => "f64",
        ArgType::List => "Vec<Value>",
        ArgType::Dict => "std::collections::BTreeMap<String, Value>",
        ArgType::Bool => "bool",
    }
}

/// The type of the field that reads an arg.
pub(super) fn type_of_arg(arg: &Arg) -> String {
    match arg.required || arg.default.is_some() {
        true => type_of(arg.kind).to_owned(),
        false => format!("Option<{}>", type_of(arg.kind)),
    }
}

/// The code of a hook, whose types are called as none of `taken` is.
pub(super) fn stub(place: &Place<'_>, spec: &Spec, gives: &Names, taken: &mut BTreeSet<String>) -> String {
    let base = pascal(&place.function);
    let args = &place.hook.args;
    let (reads, writes) = (!args.is_empty(), !gives.is_empty() && !args.is_empty());
    let read = if reads { unique(format!("{base}Args"), taken) } else { String::new() };
    let written = if writes { unique(format!("{base}Output"), taken) } else { String::new() };
    let mut text = String::new();
    if reads {
        text.push_str(&args_type(place, &read, args));
    }
    if writes {
        text.push_str(&output_type(place, &written, gives));
    }
    text.push_str(&about(place, spec));
    text.push_str(&match (reads, writes) {
        (false, _) => on_pool(&place.function, gives),
        (true, false) => function(&place.function, &read, "()", "()"),
        (true, true) => function(&place.function, &read, &written, &format!("{written}::default()")),
    });
    text
}

fn args_type(place: &Place<'_>, name: &str, args: &[Arg]) -> String {
    let about = format!("/// What [`{}()`] reads.\n", place.function);
    let mut taken = BTreeSet::new();
    let fields: String = args.iter().map(|arg| field(arg, &mut taken)).collect();
    format!("{about}#[derive(Debug, Message)]\npub struct {name} {{\n{fields}}}\n\n")
}

fn field(arg: &Arg, taken: &mut BTreeSet<String>) -> String {
    let default = arg.default.as_ref().map(|default| format!(" Unless told it is {}.", default.to_json()));
    let about = comment("    ///", &format!("{}{}", arg.description, default.unwrap_or_default()));
    about + &named_field(&arg.name, &type_of_arg(arg), taken)
}

fn named_field(name: &str, of: &str, taken: &mut BTreeSet<String>) -> String {
    let own = unique(snake(name), taken);
    let rename =
        if own == name { String::new() } else { format!("    #[message(rename = {})]\n", literal(name)) };
    format!("{rename}    pub {own}: {of},\n")
}

fn output_type(place: &Place<'_>, name: &str, gives: &Names) -> String {
    let about = format!(
        "/// What [`{}()`] gives: guessed from what comes after it, and yours to change.\n",
        place.function
    );
    let mut taken = BTreeSet::new();
    let fields: String =
        gives.iter().map(|(name, kind)| named_field(name, type_of(*kind), &mut taken)).collect();
    format!("{about}#[derive(Debug, Default, Message)]\npub struct {name} {{\n{fields}}}\n\n")
}

/// What the hook is for, and what it has to do with others.
fn about(place: &Place<'_>, spec: &Spec) -> String {
    let hook = place.hook;
    let undoes = spec.hooks().iter().filter(|other| other.rectifiers.contains(&Target::Hook(place.number)));
    let undoes: Vec<String> = undoes.map(|other| quoted(&other.name)).collect();
    let named = |targets: &[Target]| -> Vec<String> {
        targets.iter().map(|target| quoted(name_of(spec, *target))).collect()
    };
    let sentence = |begin: &str, names: Vec<String>, end: &str| match names.is_empty() {
        true => String::new(),
        false => format!(" {begin} {}{end}.", names.join(", ")),
    };
    let links = [
        format!("The hook {}.", quoted(&hook.name)),
        sentence("Needs", named(&hook.dependencies), ", which ran before it"),
        sentence("Undoes", undoes, ", so it must find out what is there to undo"),
        sentence("Undone by", named(&hook.rectifiers), ""),
        if hook.idempotent { " To run it twice does the same as once.".to_owned() } else { String::new() },
    ];
    let description = comment("///", &hook.description);
    let empty = if description.is_empty() { "" } else { "///\n" };
    format!("{description}{empty}{}", comment("///", &links.concat()))
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "'"))
}

fn name_of(spec: &Spec, target: Target) -> &str {
    match target {
        Target::Hook(place) => spec.hooks().get(place).map_or("", |hook| &hook.name),
        Target::Program(place) => spec.programs().get(place).map_or("", |program| &program.name),
    }
}

const YET: &str = "    // Yet to be written: nothing happens here.\n";

fn function(name: &str, read: &str, written: &str, value: &str) -> String {
    let line = format!("pub fn {name}(_args: {read}) -> Result<{written}, HookError> {{");
    let head = match line.len() <= WIDTH {
        true => line,
        false => format!("pub fn {name}(\n    _args: {read},\n) -> Result<{written}, HookError> {{"),
    };
    format!("{head}\n{YET}    Ok({value})\n}}\n")
}

fn on_pool(name: &str, gives: &Names) -> String {
    let pool = if gives.is_empty() { "_pool" } else { "pool" };
    let line = format!("pub fn {name}({pool}: &mut Pool) -> Result<(), HookError> {{");
    let head = match line.len() <= WIDTH {
        true => line,
        false => format!("pub fn {name}(\n    {pool}: &mut Pool,\n) -> Result<(), HookError> {{"),
    };
    let set: String = gives
        .iter()
        .map(|(name, kind)| format!("    pool.set({}, {});\n", literal(name), nothing_of(*kind)))
        .collect();
    format!("{head}\n{YET}{set}    Ok(())\n}}\n")
}

fn nothing_of(kind: ArgType) -> &'static str {
    match kind {
        ArgType::Str => "\"\"",
        ArgType::Int => "0",
        ArgType::Float => "0.0",
        ArgType::List => "Value::List(Vec::new())",
        ArgType::Dict => "Value::Map(Vec::new())",
        ArgType::Bool => "false",
    }
}
