//! Declarations: what functions of a service ask for, which makes it part of the service's model.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;
use std::time::Duration;

use super::handler::Blocking;
use super::links::Links;
use crate::model::{Config, ConfigError, ConfigModel, ConfigType, ConnectionModel, StateModel};

/// What a function asks for. [`Extract`](super::Extract) adds to it.
#[derive(Default)]
pub struct Declarations {
    pub(super) configs: Vec<ConfigNeed>,
    pub(super) links: Vec<LinksNeed>,
    pub(super) owned: Vec<Need>,
    pub(super) shared: Vec<Need>,
    /// Whether it asks who called.
    pub(super) caller: bool,
}

/// A value of some type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    pub(super) of: TypeId,
    pub(super) name: &'static str,
}

impl Need {
    pub(super) fn of<T: 'static>() -> Self {
        Self { of: TypeId::of::<T>(), name: short_name::<T>() }
    }
}

/// A config as a type.
#[derive(Clone)]
pub(super) struct ConfigNeed {
    pub(super) need: Need,
    pub(super) model: ConfigModel,
    pub(super) load: fn(&Config) -> Result<Arc<dyn Any + Send + Sync>, ConfigError>,
}

/// A struct of out connections and states.
pub(super) struct LinksNeed {
    pub(super) need: Need,
    pub(super) links: Vec<Declared>,
}

/// One field of a struct of links, in their order.
pub(super) enum Declared {
    Connection { model: ConnectionModel, within: Option<Duration>, idempotent: bool, calls: Option<Calls> },
    State(StateModel),
}

/// The function that an external request calls.
pub struct Calls {
    pub(super) name: &'static str,
    pub(super) call: Blocking,
    /// The function's own name, by which two are told apart.
    pub(super) function: &'static str,
}

impl Declarations {
    /// A config.
    pub fn config<T: ConfigType>(&mut self) {
        self.config_of::<T>(T::model());
    }

    fn config_of<T: ConfigType>(&mut self, model: ConfigModel) {
        let load = |config: &Config| Ok(Arc::new(T::from_config(config)?) as Arc<dyn Any + Send + Sync>);
        self.configs.push(ConfigNeed { need: Need::of::<T>(), model, load });
    }

    /// A struct of links.
    pub fn links<L: Links>(&mut self) {
        let mut fields = super::links::Fields::default();
        L::declare(&mut fields);
        self.links.push(LinksNeed { need: Need::of::<L>(), links: fields.0 });
    }

    pub(super) fn owned<S: 'static>(&mut self) {
        self.owned.push(Need::of::<S>());
    }

    pub(super) fn shared<T: 'static>(&mut self) {
        self.shared.push(Need::of::<T>());
    }
}

/// The name of a type without the paths in it.
pub(super) fn short_name<T: ?Sized>() -> &'static str {
    let name = type_name::<T>();
    let end = name.find('<').unwrap_or(name.len());
    name[..end].rfind("::").map_or(name, |at| &name[at + 2..])
}
