//! `check`: what a start would find wrong with a model and its files, and what two services would find wrong with
//! each other. Opens no socket and calls nothing of the service.

use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::arguments::Options;
use super::exit;
use super::inputs::{Inputs, NamedJson, explained, flag_warnings};
use super::pairs;
use super::report;
use super::schemas::{self, Schema};
use super::terminal::Palette;
use crate::connection::{Addresses, Resolved, hosts};
use crate::model::{Checker, Config, ConnectionModel, Problem, ServiceModel, Side};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
    /// Connections and states whose two ends were compared.
    pub(crate) pairs: Vec<String>,
    /// Where the service's sockets go, hosts that are bound as numbers.
    pub(crate) resolved: Resolved,
}

/// Another service and its addresses, for `--with`.
pub(crate) struct Other {
    pub(crate) model: ServiceModel,
    pub(crate) addresses: Option<NamedJson>,
}

/// Everything that is wrong with `model` and what it would be started with.
pub(crate) fn check(model: &ServiceModel, inputs: &Inputs, main_mode: bool) -> Findings {
    let problems = inputs.problems.iter().chain(&inputs.further).cloned().collect();
    let mut findings = Findings { problems, ..Findings::default() };
    findings.problems.extend(model.problems());
    findings.problems.extend(type_problems(model));
    if main_mode {
        findings.problems.extend(main_mode_problems(model));
    }
    findings.problems.extend(config_problems(model, inputs));
    if model.config.is_none() {
        findings.warnings.extend(flag_warnings(inputs));
    }
    check_addresses(model, inputs, &mut findings);
    findings
}

/// Types that cannot be compiled, such as a schema that is none.
fn type_problems(model: &ServiceModel) -> Vec<Problem> {
    let tables = |connection: &ConnectionModel| [connection.message(), connection.returns.clone()];
    let all = model.connections.iter().flat_map(|connection| {
        let path = format!("connection_models.{}.{}", connection.side, connection.name);
        tables(connection).map(|arguments| (path.clone(), Checker::compile(&arguments)))
    });
    let states = model
        .states
        .iter()
        .map(|state| (format!("state_models.{}.{}", state.side, state.name), Checker::of_update(state)));
    let refused = all.chain(states).filter_map(|(path, compiled)| Some((path, compiled.err()?)));
    refused
        .flat_map(|(path, problems)| problems.into_iter().map(move |problem| below(&path, problem)))
        .collect()
}

fn below(path: &str, problem: Problem) -> Problem {
    Problem { path: format!("{path}.{}", problem.path), ..problem }
}

fn main_mode_problems(model: &ServiceModel) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !model.main {
        let problem = Problem::new("--main_mode", "a service with a main function", "one without");
        problems.push(problem.with_hint("leave -m out"));
    }
    let connections = model.connections_on(Side::In).map(|connection| ("connection", &connection.name));
    for (word, name) in connections.chain(model.states_on(Side::In).map(|state| ("state", &state.name))) {
        let expected = "a service that nothing leads to";
        problems.push(Problem::new("--main_mode", expected, format!("the in {word} `{name}`")));
    }
    problems
}

/// Problems with config. If a file could not be read, nobody knows which keys are missing.
fn config_problems(model: &ServiceModel, inputs: &Inputs) -> Vec<Problem> {
    let sources = inputs.sources();
    let config = match &model.config {
        None => Config::without_model(&sources),
        Some(config) if inputs.problems.is_empty() => config.assemble(&sources),
        Some(config) => config.gather(&sources),
    };
    let problems = config.err().unwrap_or_default().into_iter().map(|problem| explained(problem, inputs));
    unless_any(problems.collect(), || by_schema(&schemas::CONFIG, inputs.config.as_ref()))
}

fn check_addresses(model: &ServiceModel, inputs: &Inputs, findings: &mut Findings) {
    match &inputs.addresses {
        Some(file) => {
            let mut resolution = Addresses::lay(&file.content, Some(&file.name), model);
            let settled = hosts::settle(&mut resolution.resolved, inputs.bind_all);
            let by_schema = || by_schema(&schemas::ADDRESSES, Some(file));
            findings.problems.extend(unless_any(resolution.problems, by_schema));
            findings.problems.extend(settled.problems);
            findings.warnings.extend(resolution.warnings.into_iter().chain(settled.warnings));
            findings.resolved = resolution.resolved;
        }
        None if inputs.problems.is_empty() => findings.warnings.extend(without_addresses(model)),
        None => {}
    }
}

fn by_schema(schema: &Schema, file: Option<&NamedJson>) -> Vec<Problem> {
    file.map(|file| schema.problems(&file.content, &file.name)).unwrap_or_default()
}

fn unless_any(problems: Vec<Problem>, others: impl FnOnce() -> Vec<Problem>) -> Vec<Problem> {
    if problems.is_empty() { others() } else { problems }
}

/// Without a file a service may still give its own addresses, which only its start would show.
fn without_addresses(model: &ServiceModel) -> Option<String> {
    let missing = Addresses::default().resolve(model).problems;
    let names: Vec<_> = missing.iter().map(|problem| problem.path.as_str()).collect();
    let names = names.join(", ");
    (!missing.is_empty()).then(|| format!("no addresses file (-a): the service itself must set up {names}"))
}

/// Compares both ends of every connection and every state that `model` and `other` share.
pub(crate) fn compare(model: &ServiceModel, inputs: &Inputs, other: &Other, findings: &mut Findings) {
    let resolved = |model: &ServiceModel, file: Option<&NamedJson>| {
        let addresses = file.and_then(|file| Addresses::from_json(&file.content, Some(&file.name)).ok());
        addresses.map_or_else(Resolved::default, |addresses| addresses.resolve(model).resolved)
    };
    let ours = resolved(model, inputs.addresses.as_ref());
    let theirs = resolved(&other.model, other.addresses.as_ref().or(inputs.addresses.as_ref()));
    let mut strangers = pairs::strangers(&ours, &other.model);
    strangers.extend(pairs::strangers(&theirs, model));
    let pairs = pairs::find((model, &ours), (&other.model, &theirs));
    if pairs.is_empty() && strangers.is_empty() {
        findings
            .warnings
            .push(format!("`{}` and `{}` share no connection or state", model.name, other.model.name));
    }
    let between = format!("{} with {}", model.name, other.model.name);
    findings.problems.extend(strangers.into_iter().map(|problem| problem.in_file(&between)));
    for pair in pairs {
        findings.problems.extend(pair.problems().into_iter().map(|problem| problem.in_file(&between)));
        findings.warnings.extend(pair.warnings());
        findings.pairs.push(pair.to_string());
    }
}

/// Prints what was found: a report for people, or JSON. The exit code says whether it is right.
pub(crate) fn conclude(model: &ServiceModel, findings: &Findings, options: &Options) -> ExitCode {
    let text = match options.json {
        true => format!("{:#}\n", to_json(model, findings)),
        false => text(model, findings, options.color.palette(&std::io::stdout())),
    };
    report::print(&text, exit::of_check(findings.problems.is_empty()))
}

fn to_json(model: &ServiceModel, findings: &Findings) -> Json {
    json!({
        "service": model.name,
        "problems": findings.problems.iter().map(report::to_json).collect::<Vec<_>>(),
        "warnings": findings.warnings,
        "compared": findings.pairs,
    })
}

fn text(model: &ServiceModel, findings: &Findings, palette: Palette) -> String {
    let mut text = String::new();
    for warning in &findings.warnings {
        text.push_str(&format!("{} {}\n", palette.yellow("warning:"), report::without_long_words(warning)));
    }
    for pair in &findings.pairs {
        text.push_str(&format!("{} {pair}\n", palette.dim("compared:")));
    }
    match findings.problems.as_slice() {
        [] => text.push_str(&format!("{} {} can start\n", palette.green("ok:"), model.name)),
        problems => {
            let consequence = format!("{} would not start", model.name);
            text.push_str(&report::text(problems, &consequence, palette));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConfigModel, StateModel, Type};

    fn desk() -> ServiceModel {
        let cancel =
            ConnectionModel::replyer("cancel").requires("order_id", Type::Str).returns("done", Type::Bool);
        ServiceModel {
            config: Some(ConfigModel::new().requires("symbol", Type::Str)),
            connections: vec![cancel],
            ..ServiceModel::from_json(&json!({"name": "desk"}), None).unwrap()
        }
    }

    fn named(content: Json) -> Option<NamedJson> {
        Some(NamedJson { name: "a.json".to_owned(), content })
    }

    fn shown(findings: &Findings) -> String {
        text(&desk(), findings, Palette::PLAIN)
    }

    #[test]
    fn all_problems_of_all_inputs_are_found() {
        let inputs = Inputs {
            addresses: named(json!({"in": {"cancle": {"replyer": "127.0.0.1:8001"}}})),
            command_line: vec![("simbol".to_owned(), "BTC".to_owned())],
            ..Inputs::default()
        };
        insta::assert_snapshot!(shown(&check(&desk(), &inputs, true)), @r"
        warning: a.json: `desk` has no model of in.cancle
        error: --main_mode
          expected  a service with a main function
          found     one without
          hint      leave -m out
        error: --main_mode
          expected  a service that nothing leads to
          found     the in connection `cancel`
        error: --simbol
          expected  a key of the config model: symbol
          found     an unknown key
          hint      did you mean `--symbol`?
        error: config.symbol
          expected  str
          found     nothing
          hint      give it as `--symbol VALUE`, as SERVICE_FRAMEWORK_CONFIG_SYMBOL or in the config file
        error: a.json: in.cancel
          expected  the address of the in connection `cancel`
          found     nothing
          hint      `cancle` has an address, but no model: was it meant?
        5 problems: desk would not start
        ");
    }

    #[test]
    fn both_ends_of_a_state_are_compared() {
        let sockets = |updates: &str, answers: &str| json!({updates: "127.0.0.1:1", answers: "127.0.0.1:2"});
        let inputs = Inputs {
            addresses: named(json!({"states": {
                "in": {"prices": sockets("subscriber", "requester")},
                "out": {"book": sockets("publisher", "replyer")},
            }})),
            ..Inputs::default()
        };
        let with = |state| ServiceModel { states: vec![state], ..desk() };
        let keeper = with(StateModel::delta_out("book", Type::map(Type::Str, Type::Decimal)));
        let reader = with(StateModel::delta_in("prices", Type::map(Type::Str, Type::Float)));
        let mut findings = Findings::default();
        compare(&reader, &inputs, &Other { model: keeper, addresses: None }, &mut findings);
        insta::assert_snapshot!(shown(&findings), @r#"
        compared: in.prices with out.book
        error: desk with desk: state_models.in.prices.required_arguments.state
          expected  ["map","str","float"], which this end takes
          found     ["map","str","Decimal"], which the owner sends
        1 problem: desk would not start
        "#);
    }

    #[test]
    fn a_replica_in_main_mode_and_a_state_without_its_address_are_found() {
        let inputs = Inputs {
            addresses: named(json!({"states": {"in": {"prise": {"subscriber": "127.0.0.1:1"}}}})),
            ..Inputs::default()
        };
        let reader = ServiceModel {
            name: "reader".to_owned(),
            main: true,
            states: vec![StateModel::full_in("price").requires("n", Type::Schema(json!({"$schema": 7})))],
            ..ServiceModel::default()
        };
        insta::assert_snapshot!(shown(&check(&reader, &inputs, true)), @r#"
        warning: a.json: `reader` has no model of states.in.prise
        error: state_models.in.price.n
          expected  a valid JSON Schema
          found     7 is not of type "string" at "$schema"
        error: --main_mode
          expected  a service that nothing leads to
          found     the in state `price`
        error: a.json: states.in.price
          expected  the address of the in state `price`
          found     nothing
          hint      `prise` has an address, but no model: was it meant?
        3 problems: desk would not start
        "#);
    }

    #[test]
    fn a_broken_file_leaves_nothing_missing() {
        let inputs = Inputs {
            problems: vec![Problem::new("", "JSON", "none").in_file("c.json")],
            ..Inputs::default()
        };
        assert_eq!(check(&desk(), &inputs, false).problems.len(), 1);
    }

    #[test]
    fn what_is_right_can_start() {
        let inputs = Inputs {
            addresses: named(json!({"in": {"cancel": {"replyer": "127.0.0.1:8001"}}})),
            command_line: vec![("symbol".to_owned(), "BTC".to_owned())],
            ..Inputs::default()
        };
        assert_eq!(shown(&check(&desk(), &inputs, false)), "ok: desk can start\n");
        let without = Inputs { addresses: None, ..inputs };
        insta::assert_snapshot!(shown(&check(&desk(), &without, false)), @r"
        warning: no addresses file (-a): the service itself must set up connections.in.cancel
        ok: desk can start
        ");
    }

    #[test]
    fn both_ends_of_a_connection_are_compared() {
        let inputs = Inputs {
            addresses: named(json!({
                "in": {"cancel": {"replyer": "*:8001"}},
                "out": {"orders": {"requester": "10.0.0.7:8001"}},
            })),
            ..Inputs::default()
        };
        let orders =
            ConnectionModel::requester("orders").requires("order_id", Type::Int).returns("done", Type::Bool);
        let client =
            ServiceModel { name: "client".to_owned(), connections: vec![orders], ..ServiceModel::default() };
        let other = Other { model: client, addresses: None };
        let mut findings = Findings::default();
        compare(&desk(), &inputs, &other, &mut findings);
        insta::assert_snapshot!(shown(&findings), @r"
        compared: in.cancel with out.orders
        error: desk with client: connection_models.in.cancel.required_arguments.order_id
          expected  str, which this end takes
          found     int, which the requester sends
        1 problem: desk would not start
        ");
    }
}
