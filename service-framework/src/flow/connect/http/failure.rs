//! Why a request has no response, in the words of those who read a flow's history.

use std::error::Error;
use std::io;
use std::net::IpAddr;

use crate::flow::engine::Raised;

/// Why there is no response.
#[derive(Debug)]
pub(super) enum Failure {
    /// Trying again changes nothing.
    Final(Raised),
    /// There was no connection, or it ended before the response did: it may be different the next time.
    Connection {
        /// To which host.
        host: String,
        /// What the system or the library says.
        reason: String,
    },
}

impl Failure {
    pub(super) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self::Final(Raised { kind: kind.to_owned(), message: message.into() })
    }

    /// Something about the request itself.
    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new("ValueError", message)
    }

    /// Somewhere where requests may not go.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new("PermissionError", message)
    }

    /// Its words changed.
    pub(super) fn map(self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Final(raised) => Self::Final(Raised { message: change(&raised.message), ..raised }),
            Self::Connection { host, reason } => {
                Self::Connection { host: change(&host), reason: change(&reason) }
            }
        }
    }
}

/// A name that has no public address.
#[derive(Debug, thiserror::Error)]
#[error("{}", refused(host, *address))]
pub(super) struct NotPublic {
    pub(super) host: String,
    pub(super) address: IpAddr,
}

/// What is said of an address that is not public.
pub(super) fn refused(host: &str, address: IpAddr) -> String {
    let place = if host.trim_matches(['[', ']']) == address.to_string() {
        format!("{host} is not a public address")
    } else {
        format!("{host} is at {address}, which is not a public address")
    };
    format!("{place}: requests go there only with --allow-private, or --resolve if a name is mapped to it")
}

/// What the library says became of a request to `host`.
pub(super) fn of_request(host: &str, error: &reqwest::Error, without_roots: bool) -> Failure {
    if let Some(not_public) = find::<NotPublic>(error) {
        return Failure::refused(not_public.to_string());
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        let hint = match tls {
            rustls::Error::InvalidCertificate(_) if without_roots => {
                ". This system has no root certificates: install them (ca-certificates) or name a file in SSL_CERT_FILE"
            }
            _ => "",
        };
        return Failure::new("OSError", format!("no secure connection to {host}: {tls}{hint}"));
    }
    if find::<hyper::Error>(error).is_some_and(|error| error.is_parse() || error.is_user()) {
        return Failure::new(
            "OSError",
            format!("{host} does not speak HTTP as it should: {}", innermost(error)),
        );
    }
    let reason = if error.is_connect() && error.is_timeout() {
        "no connection within the time for it".to_owned()
    } else {
        innermost(error)
    };
    Failure::Connection { host: host.to_owned(), reason }
}

/// The first error of a type among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref::<E>())
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error and its causes, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        // The source of one that wraps another is that one's source, not itself.
        Some(wrapping) => wrapping.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}
