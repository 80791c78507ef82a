//! The services of one program.

use crate::model::ServiceModel;
#[cfg(feature = "programs")]
use crate::service::Programs;
use crate::service::Service;

/// The services that a program has, for [`run`](super::run): one, several, or none (the launcher itself); and its
/// [`Programs`](crate::service::Programs), if it has some, which the commands behind `program` take then.
#[derive(Debug, Default)]
#[must_use = "services do nothing until they are run"]
pub struct Services {
    services: Vec<Service>,
    #[cfg(feature = "programs")]
    programs: Option<Programs>,
}

impl Services {
    /// None: a program that only starts others.
    pub fn none() -> Self {
        Self::default()
    }

    /// With programs besides.
    #[cfg(feature = "programs")]
    pub fn with_programs(mut self, programs: Programs) -> Self {
        self.programs = Some(programs);
        self
    }

    /// Whether programs are all that there is.
    #[cfg(feature = "programs")]
    pub(super) fn are_only_programs(&self) -> bool {
        self.services.is_empty() && self.programs.is_some()
    }

    #[cfg(feature = "programs")]
    pub(super) fn into_programs(self) -> Option<Programs> {
        self.programs
    }

    /// The services and the programs.
    #[cfg(feature = "flows")]
    pub(super) fn split(self) -> (Vec<Service>, Option<Programs>) {
        (self.services, self.programs)
    }

    pub(super) fn models(&self) -> impl ExactSizeIterator<Item = &ServiceModel> {
        self.services.iter().map(Service::model)
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
        (place < self.services.len()).then(|| self.services.swap_remove(place))
    }
}

impl From<Service> for Services {
    fn from(service: Service) -> Self {
        vec![service].into()
    }
}

impl From<Vec<Service>> for Services {
    fn from(services: Vec<Service>) -> Self {
        Self { services, ..Self::default() }
    }
}

impl<const N: usize> From<[Service; N]> for Services {
    fn from(services: [Service; N]) -> Self {
        Vec::from(services).into()
    }
}

/// A program without services: without a command it serves its programs, and the word `program` may be left out.
#[cfg(feature = "programs")]
impl From<Programs> for Services {
    fn from(programs: Programs) -> Self {
        Self::none().with_programs(programs)
    }
}
