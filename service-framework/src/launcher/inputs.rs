//! Everything a service is told from outside: files, environment and command line, read and not yet judged.

use std::env;
use std::path::Path;

use serde_json::Value as Json;

use super::arguments::{Options, RUN, near_flag};
use super::files;
use crate::connection::Endpoint;
use crate::model::{ENVIRONMENT_PREFIX, Problem, Source};

/// A JSON file by the name that the user gave it.
#[derive(Debug)]
pub(crate) struct NamedJson {
    pub(crate) name: String,
    pub(crate) content: Json,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) addresses: Option<NamedJson>,
    pub(crate) config: Option<NamedJson>,
    /// Variables that could be config, by name and text.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) command_line: Vec<(String, String)>,
    /// Files that could not be read. What they would have held is unknown, not missing.
    pub(crate) problems: Vec<Problem>,
    /// What else is wrong, and leaves nothing unknown.
    pub(crate) further: Vec<Problem>,
    /// Whether sockets bind every interface, whatever host is written.
    pub(crate) bind_all: bool,
}

impl Inputs {
    /// Reads what `options` name, and the environment.
    pub(crate) fn read(options: &Options) -> Self {
        let mut inputs = Self {
            environment: variables(env::vars_os()),
            command_line: options.config.clone(),
            bind_all: options.bind_all,
            ..Self::default()
        };
        inputs.addresses = inputs.file(options.addresses.as_deref());
        inputs.config = inputs.file(options.config_file.as_deref());
        inputs
    }

    /// Adds variables of an environment, which replace those of the same names.
    pub(crate) fn set_variables(&mut self, more: &[(String, String)]) {
        self.environment.retain(|(name, _)| !more.iter().any(|(replaced, _)| replaced == name));
        let texts = more.iter().map(|(name, value)| (name.into(), value.into()));
        self.environment.extend(variables(texts));
    }

    /// Reads one more file; that it cannot be read is a problem.
    pub(crate) fn file(&mut self, path: Option<&Path>) -> Option<NamedJson> {
        let path = path?;
        match files::read_json(path) {
            Ok(content) => Some(NamedJson { name: path.display().to_string(), content }),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// Where config comes from, lowest precedence first.
    pub(crate) fn sources(&self) -> Vec<Source<'_>> {
        let file = self.config.iter().map(|file| Source::File { name: &file.name, content: &file.content });
        file.chain([Source::Environment(&self.environment), Source::CommandLine(&self.command_line)])
            .collect()
    }
}

/// Variables of the environment that name config; those that are no UTF-8 name none of ours.
fn variables(all: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>) -> Vec<(String, String)> {
    let text = all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut variables: Vec<_> = text.filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)).collect();
    variables.sort_unstable();
    variables
}

/// An address as somebody wrote it at this place.
pub(crate) fn endpoint(place: &str, text: &str) -> Result<Endpoint, Problem> {
    Endpoint::parse(text).map_err(|error| {
        let problem = Problem::new(place, Endpoint::EXPECTED, format!("{text:?}: {error}"));
        match error.hint() {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    })
}

/// Adds what only the command line can tell: the flag that was meant, as a mistyped one is taken for config, and
/// that no addresses were given.
pub(crate) fn explained(problem: Problem, inputs: &Inputs) -> Problem {
    if problem.file.is_some() || problem.hint.is_some() {
        return problem;
    }
    if problem.path.starts_with("connections.") && inputs.addresses.is_none() {
        return problem.with_hint("no addresses file was given: -a ADDRESSES");
    }
    match near_flag(&RUN, &problem.path).filter(|_| problem.path.starts_with("--")) {
        Some(flag) => problem.with_hint(format!("did you mean the flag `--{flag}`?")),
        None => problem,
    }
}

/// Keys that were probably meant as flags, where no config model tells: such a service keeps every key.
pub(crate) fn flag_warnings(inputs: &Inputs) -> Vec<String> {
    let meant = |(key, _): &(String, String)| {
        let flag = near_flag(&RUN, key)?;
        Some(format!("--{key} is taken as config; the flag is --{flag}"))
    };
    inputs.command_line.iter().filter_map(meant).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launcher::arguments::parse;
    use crate::model::{ConfigModel, Type};

    fn inputs(words: &[&str]) -> Inputs {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        Inputs::read(&parse(&words).unwrap().options)
    }

    #[test]
    fn every_broken_file_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        std::fs::write(&path, "{").unwrap();
        let inputs = inputs(&["-a", "/nowhere/a.json", "-c", path.to_str().unwrap(), "--n", "1"]);
        assert_eq!(inputs.problems.len(), 2);
        assert_eq!(inputs.command_line, [("n".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn only_config_is_taken_from_the_environment() {
        let all = [("HOME", "/"), ("SERVICE_FRAMEWORK_CONFIG_N", "2"), ("SERVICE_FRAMEWORK_PATH", "/")];
        let all = all.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(variables(all.into_iter()), [("SERVICE_FRAMEWORK_CONFIG_N".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn a_mistyped_flag_is_recognised() {
        let inputs = inputs(&["--adresses_path", "a.json"]);
        let model = ConfigModel::new().optional_without_default("symbol", Type::Str);
        let problems = model.assemble(&inputs.sources()).unwrap_err();
        let problem = explained(problems.into_iter().next().unwrap(), &inputs);
        insta::assert_snapshot!(problem, @"--adresses_path: expected a key of the config model: symbol, found an unknown key (did you mean the flag `--addresses_path`?)");
        assert_eq!(
            flag_warnings(&inputs),
            ["--adresses_path is taken as config; the flag is --addresses_path"]
        );
    }
}
