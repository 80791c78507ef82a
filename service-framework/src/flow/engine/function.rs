//! Functions of scripts, and what they can be called with.

use std::fmt;

use crate::model::near_miss;

/// A function at the top level of a script, and what it can be called with by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its arguments, in order.
    pub parameters: Vec<Parameter>,
    /// Whether it takes arguments of any name, or nobody can tell what it takes: it is decorated, or its name is given to something
    /// else as well.
    pub is_open: bool,
}

/// An argument that a function takes by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Whether there is no default.
    pub is_required: bool,
}

/// Why a function cannot be called with some arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It has no argument of this name.
    Unknown(String),
    /// It needs this one.
    Missing(String),
}

impl Function {
    /// Everything that is wrong with a call with arguments of these names.
    #[must_use]
    pub fn misfits<'a>(&self, args: impl Iterator<Item = &'a str> + Clone) -> Vec<Misfit> {
        if self.is_open {
            return Vec::new();
        }
        let is_known = |arg: &&str| self.parameters.iter().any(|parameter| parameter.name == *arg);
        let unknown = args.clone().filter(|arg| !is_known(arg)).map(|arg| Misfit::Unknown(arg.to_owned()));
        let required = self.parameters.iter().filter(|parameter| parameter.is_required);
        let missing = required.filter(|parameter| !args.clone().any(|arg| arg == parameter.name));
        unknown.chain(missing.map(|parameter| Misfit::Missing(parameter.name.clone()))).collect()
    }

    /// The names of its arguments, as a list to be read.
    #[must_use]
    pub fn takes(&self) -> String {
        let names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        if names.is_empty() { "no arguments".to_owned() } else { names.join(", ") }
    }

    /// The argument that was probably meant.
    #[must_use]
    pub fn near(&self, arg: &str) -> Option<&str> {
        near_miss(arg, self.parameters.iter().map(|parameter| parameter.name.as_str()))
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "{name} is none of its arguments"),
            Self::Missing(name) => write!(f, "{name} is missing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(is_open: bool) -> Function {
        let parameter = |name: &str, is_required| Parameter { name: name.to_owned(), is_required };
        let parameters = vec![parameter("host", true), parameter("attempts", false)];
        Function { name: "reboot".to_owned(), parameters, is_open }
    }

    #[test]
    fn all_misfits_of_a_call_are_told() {
        let misfits = |args: &[&str]| function(false).misfits(args.iter().copied());
        assert_eq!(misfits(&["host"]), []);
        assert_eq!(misfits(&["attempts", "host"]), []);
        let both = [Misfit::Unknown("hots".to_owned()), Misfit::Missing("host".to_owned())];
        assert_eq!(misfits(&["hots"]), both);
        assert_eq!(function(true).misfits(["hots"].into_iter()), []);
    }

    #[test]
    fn what_was_meant_is_found() {
        assert_eq!(function(false).near("hots"), Some("host"));
        assert_eq!(function(false).near("region"), None);
        assert_eq!(function(false).takes(), "host, attempts");
    }
}
