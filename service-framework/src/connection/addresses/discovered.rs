//! The address of something that is found by its name: a connection or a state of a service, wherever its instances are.

use std::fmt;

use super::endpoint::EndpointError;

/// What `cluster://SERVICE/NAME` names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Discovered {
    /// The service.
    pub(crate) service: String,
    /// Its connection or state.
    pub(crate) name: String,
}

impl Discovered {
    /// What stands before both.
    pub(crate) const TRANSPORT: &'static str = "cluster";

    /// Reads what follows `cluster://`.
    pub(super) fn parse(text: &str) -> Result<Self, EndpointError> {
        let wrong = || EndpointError::Discovered(text.to_owned());
        let (service, name) = text.split_once('/').ok_or_else(wrong)?;
        let is_name = |part: &str| !part.is_empty() && !part.contains('/') && part.trim() == part;
        match is_name(service) && is_name(name) {
            true => Ok(Self { service: service.to_owned(), name: name.to_owned() }),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Discovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", Self::TRANSPORT, self.service, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Endpoint;

    #[test]
    fn a_service_and_what_it_has_are_named() {
        let address = Endpoint::parse("cluster://order_desk/cancel").unwrap();
        assert_eq!(address.to_string(), "cluster://order_desk/cancel");
        let Endpoint::Cluster(named) = address else { panic!("{address}") };
        assert_eq!((&*named.service, &*named.name), ("order_desk", "cancel"));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in
            ["cluster://", "cluster://desk", "cluster:///a", "cluster://a/", "cluster://a/b/c", "cluster:a/b"]
        {
            let error = Endpoint::parse(text).unwrap_err();
            assert!(error.to_string().ends_with("is no SERVICE/CONNECTION"), "{text}: {error}");
            assert!(error.hint().unwrap().contains("cluster://desk/cancel"), "{text}");
        }
        assert_eq!(Endpoint::parse("clutser://a/b").unwrap_err().hint().unwrap(), "did you mean cluster://?");
    }

    #[test]
    fn it_is_for_those_who_connect() {
        let address = Endpoint::parse("cluster://desk/cancel").unwrap();
        assert_eq!(address.unconnectable(), None);
        assert!(!address.is_reached_by(&Endpoint::parse("127.0.0.1:1").unwrap()));
    }
}
