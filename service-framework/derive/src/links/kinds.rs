//! Kinds of links, by the names of their types, and what each has a use for.

use syn::Type;

use crate::attributes::{Attributes, Place};
use crate::errors::Errors;
use crate::types::name;

/// What a field may say, whatever link it is.
pub(super) const ON_FIELD: Place = Place {
    attribute: "links",
    on: "a field",
    known: &[
        "name",
        "topic",
        "topics",
        "within",
        "idempotent",
        "connects",
        "wait",
        "local_copy",
        "stands_by",
        "conflates",
        "calls",
    ],
    elsewhere: &[("crate", "the struct")],
    otherwise: &[
        ("timeout", "how long a request may take is `within = \"5s\"`"),
        ("deadline", "how long a request may take is `within = \"5s\"`"),
        ("rename", "another name is `name = \"…\"`"),
        ("function", "the function that is called is `calls = function`"),
    ],
};

/// What of a service a link is in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Table {
    OutConnections,
    InStates,
    OutStates,
}

impl Table {
    pub(super) fn plural(self) -> &'static str {
        match self {
            Table::OutConnections => "out connections",
            Table::InStates => "in states",
            Table::OutStates => "out states",
        }
    }
}

/// A kind of link.
#[derive(Debug)]
pub(super) struct Kind {
    /// The name of its type.
    name: &'static str,
    /// Its type as it is written.
    form: &'static str,
    pub(super) table: Table,
    /// Whether it calls a function.
    pub(super) calls: bool,
    /// What may be said of it.
    uses: &'static [&'static str],
}

const KINDS: [Kind; 9] = [
    Kind::new("Requester", "Requester<A, R>", Table::OutConnections, &["name", "within", "idempotent"]),
    Kind {
        calls: true,
        ..Kind::new(
            "ExternalRequest",
            "ExternalRequest<A, R>",
            Table::OutConnections,
            &["name", "calls", "within"],
        )
    },
    Kind::new("Publisher", "Publisher<A>", Table::OutConnections, &["name", "topic", "connects", "wait"]),
    Kind::new("DeltaIn", "DeltaIn<V>", Table::InStates, &["name", "topic", "topics", "local_copy"]),
    Kind::new("RecordIn", "RecordIn<T>", Table::InStates, &["name", "topic", "topics", "local_copy"]),
    Kind::new("FullIn", "FullIn<T>", Table::InStates, &["name", "topic", "topics"]),
    Kind::new(
        "DeltaOut",
        "DeltaOut<V>",
        Table::OutStates,
        &["name", "topic", "connects", "wait", "stands_by"],
    ),
    Kind::new(
        "RecordOut",
        "RecordOut<T>",
        Table::OutStates,
        &["name", "topic", "connects", "wait", "stands_by"],
    ),
    Kind::new("FullOut", "FullOut<T>", Table::OutStates, &["name", "topic", "connects", "wait", "conflates"]),
];

/// What is said of a type that is none of them.
pub(super) fn none_of_them() -> String {
    let forms: Vec<_> = KINDS.iter().map(|kind| format!("`{}`", kind.form)).collect();
    format!("no link: fields of a struct of links are {}, called by these names", forms.join(", "))
}

impl Kind {
    const fn new(
        name: &'static str,
        form: &'static str,
        table: Table,
        uses: &'static [&'static str],
    ) -> Self {
        Self { name, form, table, calls: false, uses }
    }

    /// The kind of link that a type is, if its name says so.
    pub(super) fn of(of: &Type) -> Option<&'static Self> {
        let name = name(of)?;
        KINDS.iter().find(|kind| name == kind.name)
    }

    /// Refuses what this kind has no use for.
    pub(super) fn refuse_useless(&self, attributes: &Attributes, errors: &mut Errors) {
        for given in attributes.names() {
            let given_name = given.to_string();
            if self.uses.contains(&given_name.as_str()) {
                continue;
            }
            let users = KINDS.iter().filter(|kind| kind.uses.contains(&given_name.as_str()));
            let users: Vec<_> = users.map(|kind| format!("`{}`", kind.name)).collect();
            let uses: Vec<_> = self.uses.iter().map(|name| format!("`{name}`")).collect();
            let message = format!(
                "a `{}` has no use for `{given_name}`, which is for {}: it may have {}",
                self.name,
                users.join(", "),
                uses.join(", ")
            );
            errors.at(given, message);
        }
    }
}
