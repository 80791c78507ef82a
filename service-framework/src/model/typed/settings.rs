//! Rust types as configs.

use super::{Misfit, Read, Typed};
use crate::model::config::{Config, ConfigError, ConfigModel};
use crate::model::types::Type;
use crate::value::Value;
use crate::value::msgpack::Reader;

/// A struct whose fields are keys of the config. Derived by `#[derive(Config)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a config",
    label = "not a config",
    note = "a config is a struct with named fields, its keys, that has `#[derive(Config)]`"
)]
pub trait ConfigType: Sized + Send + Sync + 'static {
    /// Its keys.
    fn model() -> ConfigModel;
    /// Reads it from a config that has been assembled by its model.
    ///
    /// # Errors
    /// A key is missing or is of another type.
    fn from_config(config: &Config) -> Result<Self, ConfigError>;
    /// Sets its keys.
    fn to_config(&self, config: &mut Config);
    /// The same again.
    fn copy(&self) -> Self;
}

/// What a derived config does, in one constant: see the derive.
pub struct ConfigFunctions<T> {
    /// Reads it, as [`ConfigType::from_config`].
    pub read: fn(&Config) -> Result<T, ConfigError>,
    /// Its keys.
    pub model: fn() -> ConfigModel,
    /// Sets its keys.
    pub set: fn(&T, &mut Config),
    /// The same again.
    pub copy: fn(&T) -> T,
}

/// A config that is derived.
pub trait ConfigPlan: Sized {
    /// What it does.
    const PLAN: ConfigFunctions<Self>;
}

/// Every key, unchecked.
impl ConfigType for Config {
    fn model() -> ConfigModel {
        ConfigModel::new()
    }

    fn from_config(config: &Config) -> Result<Self, ConfigError> {
        Ok(config.clone())
    }

    fn to_config(&self, config: &mut Config) {
        *config = self.clone();
    }

    fn copy(&self) -> Self {
        self.clone()
    }
}

/// Reads one key of a config; None if it is not there.
///
/// # Errors
/// It is of another type.
pub fn read_key<T: for<'de> Read<'de>>(config: &Config, key: &str) -> Result<Option<T>, ConfigError> {
    let Some(value) = config.get(key) else { return Ok(None) };
    let bytes = value.to_msgpack();
    let read = T::read(&mut Reader::new(&bytes));
    let unfit = |misfit: Misfit| {
        let mismatch = misfit.into_mismatch(key);
        ConfigError::of_key(key, &format!("expected {}, found {}", mismatch.expected, mismatch.found))
    };
    read.map(Some).map_err(unfit)
}

/// Reads one key of a config that must be there.
///
/// # Errors
/// It is not, or it is of another type.
pub fn read_required<T: for<'de> Read<'de>>(config: &Config, key: &str) -> Result<T, ConfigError> {
    read_key(config, key)?.ok_or_else(|| ConfigError::of_key(key, "is missing"))
}

/// Sets one key of a config; removes it for None.
pub fn set_key<T: Typed>(config: &mut Config, key: &str, value: Option<&T>) {
    match value {
        Some(value) => config.set(key, to_value(value)),
        None => config.remove(key),
    }
}

/// The value that a Rust value is in a config.
fn to_value<T: Typed>(value: &T) -> Value {
    let mut bytes = Vec::new();
    value.write(&mut bytes);
    Value::from_msgpack(&bytes).unwrap_or(Value::Nil)
}

/// A key as it is declared.
#[derive(Debug)]
pub struct Key {
    name: &'static str,
    help: &'static str,
    of: Type,
    is_required: bool,
    default: Option<Value>,
}

impl Key {
    /// One that must be given.
    #[must_use]
    pub fn required<T: Typed>(name: &'static str, help: &'static str) -> Self {
        Self { name, help, of: T::type_of(), is_required: true, default: None }
    }

    /// One that may be given.
    #[must_use]
    pub fn optional<T: Typed>(name: &'static str, help: &'static str) -> Self {
        Self { is_required: false, ..Self::required::<T>(name, help) }
    }

    /// One that may be given and has a default.
    #[must_use]
    pub fn with_default<T: Typed>(name: &'static str, help: &'static str, default: &T) -> Self {
        Self { default: Some(to_value(default)), ..Self::optional::<T>(name, help) }
    }
}

/// The model of these keys.
pub fn config_model(keys: Vec<Key>) -> ConfigModel {
    keys.into_iter().fold(ConfigModel::new(), |mut model, Key { name, help, of, is_required, default }| {
        model = match is_required {
            true => model.requires(name, of),
            false => model.optional_without_default(name, of),
        };
        model.defaults.extend(default.map(|value| (name.to_owned(), value)));
        if help.is_empty() { model } else { model.help(name, help) }
    })
}

/// The default that a text means for a Rust type.
///
/// # Panics
/// It means none: a mistake in the program, which every start would find.
#[must_use]
#[expect(clippy::panic, reason = "the text stands in the program, as a literal would")]
pub fn default_of<T: for<'de> Read<'de>>(text: &str) -> T {
    let of = T::type_of();
    let value = crate::model::config::fit(Value::Str(text.to_owned()), &of);
    match T::read(&mut Reader::new(&value.to_msgpack())) {
        Ok(value) => value,
        Err(_) => panic!("the default {text:?} is not of type {}", shown(&of)),
    }
}

fn shown(of: &Type) -> String {
    of.to_string()
}
