//! The services of one program.

use crate::model::ServiceModel;
use crate::service::Service;

/// The services that a program has, for [`run`](super::run): one, several, or none (the launcher itself).
#[derive(Debug, Default)]
#[must_use = "services do nothing until they are run"]
pub struct Services(Vec<Service>);

impl Services {
    /// None: a program that only starts others.
    pub fn none() -> Self {
        Self::default()
    }

    pub(super) fn models(&self) -> impl ExactSizeIterator<Item = &ServiceModel> {
        self.0.iter().map(Service::model)
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.models().map(|model| model.name.as_str()).collect()
    }

    /// The model at this place, if there is one.
    pub(super) fn model(&self, place: usize) -> Option<&ServiceModel> {
        self.models().nth(place)
    }

    /// The service at this place, if there is one.
    pub(super) fn take(mut self, place: usize) -> Option<Service> {
        (place < self.0.len()).then(|| self.0.swap_remove(place))
    }
}

impl From<Service> for Services {
    fn from(service: Service) -> Self {
        Self(vec![service])
    }
}

impl From<Vec<Service>> for Services {
    fn from(services: Vec<Service>) -> Self {
        Self(services)
    }
}

impl<const N: usize> From<[Service; N]> for Services {
    fn from(services: [Service; N]) -> Self {
        Self(services.into())
    }
}
