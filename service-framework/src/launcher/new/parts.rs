//! The parts that a new service may have, and which services they make. Writes nothing.
//!
//! A service that runs a `main` has nothing coming in. Where both are wanted there are two services in one program,
//! one end of each connection in either.

use std::collections::BTreeSet;

use crate::model::Problem;

/// The words for the parts, as `--with` takes them.
pub(crate) const PART_NAMES: [&str; 7] =
    ["replyer", "subscriber", "requester", "publisher", "state", "replica", "main"];

/// A part of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Replyer,
    Subscriber,
    Requester,
    Publisher,
    /// An own state.
    State,
    /// A copy of another service's state.
    Replica,
    Main,
}

impl Part {
    /// In the order of [`PART_NAMES`].
    const ALL: [Self; 7] = [
        Self::Replyer,
        Self::Subscriber,
        Self::Requester,
        Self::Publisher,
        Self::State,
        Self::Replica,
        Self::Main,
    ];

    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().zip(PART_NAMES).find_map(|(part, known)| (known == name).then_some(part))
    }

    /// The part at the other end, with which `main`'s service reaches this one.
    fn other_end(self) -> Option<Self> {
        match self {
            Self::Replyer => Some(Self::Requester),
            Self::Subscriber => Some(Self::Publisher),
            Self::Replica => Some(Self::State),
            _ => None,
        }
    }
}

/// Some parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts(BTreeSet<Part>);

impl Parts {
    /// Reads names with commas between them.
    ///
    /// # Errors
    /// Each name that is none.
    pub(super) fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return Err(vec![Problem::missing("--with", expected())]);
        }
        let problems: Vec<_> =
            names.iter().filter(|name| Part::find(name).is_none()).map(|name| unknown(name)).collect();
        match problems.is_empty() {
            true => Ok(names.into_iter().filter_map(Part::find).collect()),
            false => Err(problems),
        }
    }

    pub(super) fn has(&self, part: Part) -> bool {
        self.0.contains(&part)
    }

    /// What comes in.
    pub(super) fn has_in(&self) -> bool {
        self.0.iter().any(|part| part.other_end().is_some())
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        Self(parts.into_iter().collect())
    }
}

fn expected() -> String {
    format!("parts of a service, with commas between: {}", PART_NAMES.join(", "))
}

fn unknown(name: &str) -> Problem {
    Problem::new("--with", expected(), format!("{name:?}")).with_near_miss(name, PART_NAMES)
}

/// The services of a crate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Services {
    /// The one that has the crate's name.
    pub(super) first: Parts,
    /// The one that runs `main`, if that is another.
    pub(super) second: Option<Parts>,
    /// What was added to that which was asked for, and why.
    pub(super) note: Option<&'static str>,
}

impl Services {
    /// Those that have all of `asked`.
    pub(super) fn of(asked: &Parts) -> Self {
        if !asked.has_in() {
            return Self::leading_edge(asked);
        }
        if !asked.has(Part::Main) {
            return Self { first: asked.clone(), second: None, note: None };
        }
        // Whoever wants one end and `main` is given the other end with it.
        let pairs = Part::ALL.into_iter().filter_map(|part| Some((part, part.other_end()?)));
        let pairs: Vec<_> = pairs.filter(|(one, other)| asked.has(*one) || asked.has(*other)).collect();
        let second = pairs.iter().map(|(_, other)| *other).chain([Part::Main]).collect();
        Self {
            first: pairs.iter().map(|(one, _)| *one).collect(),
            second: Some(second),
            note: Some("main has nothing coming in: it is a second service, the other end of the first"),
        }
    }

    fn leading_edge(asked: &Parts) -> Self {
        let note = "main was added: something has to use what goes out";
        Self {
            first: asked.0.iter().copied().chain([Part::Main]).collect(),
            second: None,
            note: (!asked.has(Part::Main)).then_some(note),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Part::{Main, Publisher, Replica, Replyer, Requester, State, Subscriber};

    fn services(text: &str) -> Services {
        Services::of(&Parts::read(text).unwrap())
    }

    fn parts(parts: &[Part]) -> Parts {
        parts.iter().copied().collect()
    }

    #[test]
    fn every_name_is_a_part() {
        assert_eq!(Parts::read(&PART_NAMES.join(",")), Ok(Part::ALL.into_iter().collect()));
        assert_eq!(Parts::read("state, state ,main,"), Ok(parts(&[State, Main])));
    }

    #[test]
    fn names_that_are_none_are_listed() {
        let problems = |text: &str| {
            let problems = Parts::read(text).unwrap_err();
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(problems("replier,state,database"), @r#"
        --with: expected parts of a service, with commas between: replyer, subscriber, requester, publisher, state, replica, main, found "replier" (did you mean `replyer`?)
        --with: expected parts of a service, with commas between: replyer, subscriber, requester, publisher, state, replica, main, found "database"
        "#);
        insta::assert_snapshot!(problems(","), @"--with: expected parts of a service, with commas between: replyer, subscriber, requester, publisher, state, replica, main, found nothing");
    }

    #[test]
    fn one_service_has_what_was_asked_for() {
        let found = services("replyer,requester,state");
        assert_eq!(found, Services { first: parts(&[Replyer, Requester, State]), second: None, note: None });
        assert_eq!(services("main,publisher").first, parts(&[Publisher, Main]));
        assert_eq!(services("main").note, None);
    }

    #[test]
    fn what_only_goes_out_is_given_a_main() {
        let found = services("requester");
        assert_eq!((found.first, found.second), (parts(&[Requester, Main]), None));
        assert!(found.note.is_some());
    }

    #[test]
    fn a_main_beside_what_comes_in_is_the_other_end() {
        let found = services("replyer,publisher,main");
        assert_eq!(found.first, parts(&[Replyer, Subscriber]));
        assert_eq!(found.second, Some(parts(&[Requester, Publisher, Main])));
        let all = services(&PART_NAMES.join(","));
        assert_eq!(all.first, parts(&[Replyer, Subscriber, Replica]));
        assert_eq!(all.second, Some(parts(&[Requester, Publisher, State, Main])));
    }
}
