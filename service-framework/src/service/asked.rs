//! What all functions of a service ask for, brought together: it becomes part of the service's model.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::builder::{RequestOptions, two_functions};
use super::declare::{Calls, ConfigNeed, Declarations, Declared, LinksNeed, Need};
use super::found::{Found, Place};
use super::handler::Blocking;
use super::shared::OutTable;
use super::state_table::StateTable;
use crate::model::{Config, ConfigModel, ConnectionModel, Problem, ServiceModel, Side, StateModel};

/// What the functions of a service ask for by its type.
#[derive(Default)]
pub(super) struct Asked {
    configs: Vec<ConfigNeed>,
    links: Vec<(Need, Vec<Field>)>,
    owned: Vec<(Need, String)>,
    shared: Vec<(Need, String)>,
    /// The functions of external requests, by their names here and their own.
    calls: Vec<(&'static str, &'static str)>,
    pub(super) problems: Vec<Problem>,
}

/// One field of a struct of links.
enum Field {
    Connection(Box<ConnectionModel>),
    State { name: String, side: Side },
}

/// The values that a service has.
#[derive(Default)]
pub(super) struct Values {
    pub(super) owned: Vec<(Need, Box<dyn Any + Send>)>,
    pub(super) shared: Vec<(Need, Arc<dyn Any + Send + Sync>)>,
}

/// What a service has besides its model that links add to.
pub(super) struct Parts<'a> {
    pub(super) model: &'a mut ServiceModel,
    pub(super) requests: &'a mut HashMap<String, RequestOptions>,
    pub(super) functions: &'a mut HashMap<String, Blocking>,
}

impl Asked {
    /// Adds what one function asks for; `by` names it.
    pub(super) fn take_in(&mut self, by: &str, asks: Declarations, mut parts: Parts<'_>) {
        let twice =
            |(index, need): (usize, &Need)| asks.owned[..index].iter().any(|other| other.of == need.of);
        if let Some((_, need)) = asks.owned.iter().enumerate().find(|(index, need)| twice((*index, need))) {
            let expected = format!("an own value of type `{}` asked for once", need.name);
            self.problems.push(Problem::new(format!("functions.{by}"), expected, "twice"));
        }
        self.owned.extend(asks.owned.into_iter().map(|need| (need, by.to_owned())));
        self.shared.extend(asks.shared.into_iter().map(|need| (need, by.to_owned())));
        for config in asks.configs {
            self.add_config(config, parts.model);
        }
        for links in asks.links {
            self.add_links(links, &mut parts);
        }
    }

    fn add_config(&mut self, config: ConfigNeed, model: &mut ServiceModel) {
        if self.configs.iter().any(|known| known.need.of == config.need.of) {
            return;
        }
        if !config.model.arguments.is_empty() {
            let all = model.config.get_or_insert_with(ConfigModel::new);
            self.problems.extend(all.add(&config.model, config.need.name));
        }
        self.configs.push(config);
    }

    fn add_links(&mut self, LinksNeed { need, links }: LinksNeed, parts: &mut Parts<'_>) {
        if self.links.iter().any(|(known, _)| known.of == need.of) {
            return;
        }
        let mut fields = Vec::new();
        for declared in links {
            fields.push(match declared {
                Declared::Connection { model, within, idempotent, calls } => {
                    let options = parts.requests.entry(model.name.clone()).or_default();
                    if let (Some(before), Some(within)) = (options.by_links, within)
                        && before != within
                    {
                        let path = format!("connection_models.{}.{}", model.side, model.name);
                        self.problems.push(differs(path, need.name));
                    }
                    options.by_links = within.or(options.by_links);
                    options.idempotent |= idempotent;
                    if let Some(calls) = calls {
                        self.add_call(calls, parts);
                    }
                    self.add_connection(&model, need.name, parts.model);
                    Field::Connection(Box::new(model))
                }
                Declared::State(model) => {
                    let field = Field::State { name: model.name.clone(), side: model.side };
                    self.add_state(model, need.name, parts.model);
                    field
                }
            });
        }
        self.links.push((need, fields));
    }

    fn add_call(&mut self, Calls { name, call, function }: Calls, parts: &mut Parts<'_>) {
        match self.calls.iter().find(|(known, _)| *known == name) {
            Some((_, before)) if *before != function => {
                self.problems.push(two_functions(name, before, function));
            }
            _ => self.calls.push((name, function)),
        }
        parts.functions.insert(name.to_owned(), call);
    }

    fn add_connection(&mut self, model: &ConnectionModel, by: &str, service: &mut ServiceModel) {
        let known =
            service.connections.iter().find(|known| (known.side, &known.name) == (model.side, &model.name));
        match known {
            None => service.connections.push(model.clone()),
            Some(known) if known == model => {}
            Some(_) => {
                let path = format!("connection_models.{}.{}", model.side, model.name);
                self.problems.push(differs(path, by));
            }
        }
    }

    /// Adds a state that a struct of links has, or a function that is told its changes.
    pub(super) fn add_state(&mut self, model: StateModel, by: &str, service: &mut ServiceModel) {
        let known =
            service.states.iter_mut().find(|known| (known.side, &known.name) == (model.side, &model.name));
        let Some(known) = known else {
            service.states.push(model);
            return;
        };
        let on_change = known.on_change.take().or(model.on_change.clone());
        // Who is told of changes says nothing else of the state.
        let (bare, told) = (StateModel { on_change: None, ..model }, known.clone());
        let is_same = bare == told || bare.is_bare_of(&told) || told.is_bare_of(&bare);
        if bare != told && told.is_bare_of(&bare) {
            *known = bare;
        }
        known.on_change = on_change;
        if !is_same {
            let path = format!("state_models.{}.{}", known.side, known.name);
            self.problems.push(differs(path, by));
        }
    }

    /// What is asked for and not there.
    pub(super) fn missing(&self, values: &Values) -> Vec<Problem> {
        let owned =
            self.owned.iter().filter(|(need, _)| values.owned.iter().all(|(had, _)| had.of != need.of));
        let shared =
            self.shared.iter().filter(|(need, _)| values.shared.iter().all(|(had, _)| had.of != need.of));
        let missing = |(need, by): &(Need, String), what: &str, how: &str| {
            let Need { name, .. } = need;
            Problem::new(format!("functions.{by}"), format!("{what} of type `{name}`"), "none")
                .with_hint(format!("add {how} to the service"))
        };
        let owned = owned.map(|need| missing(need, "an own value", &format!("`.owns({}…)`", need.0.name)));
        owned
            .chain(shared.map(|need| {
                missing(need, "a shared value", &format!("`.shares(Arc::new({}…))`", need.0.name))
            }))
            .collect()
    }

    /// What of a config does not fit the types that it is asked for as.
    pub(super) fn config_problems(&self, config: &Config) -> Vec<Problem> {
        let load = |need: &ConfigNeed| (need.load)(config).err().map(|error| error.problem(need.need.name));
        self.configs.iter().filter_map(load).collect()
    }

    /// What the functions of a running service find.
    pub(super) fn found(
        self,
        values: Values,
        config: &Config,
        outs: &OutTable,
        states: &StateTable,
    ) -> Found {
        let load = |need: &ConfigNeed| Some((need.need.of, (need.load)(config).ok()?));
        let place = |field: &Field| place(field, outs, states);
        let links = self.links.iter().map(|(need, fields)| (need.of, fields.iter().map(place).collect()));
        Found {
            configs: self.configs.iter().filter_map(load).collect(),
            links: links.collect::<Vec<(TypeId, Box<[Place]>)>>(),
            owned: values.owned.into_iter().map(|(need, value)| (need.of, Mutex::new(Some(value)))).collect(),
            shared: values.shared.into_iter().map(|(need, value)| (need.of, value)).collect(),
        }
    }
}

fn differs(path: String, by: &str) -> Problem {
    let problem = Problem::new(path, "one declaration of each connection and state", "two that differ");
    problem.with_hint(format!(
        "`{by}` declares it otherwise than another struct, or than `Service::connection` or `state`"
    ))
}

fn place(field: &Field, outs: &OutTable, states: &StateTable) -> Place {
    let (index, is_own_model) = match field {
        Field::Connection(model) => match outs.find(&model.name) {
            Ok((index, entry)) => (Some(index), entry.is_of(&model.message(), &model.returns)),
            Err(_) => (None, false),
        },
        Field::State { name, side: Side::In } => (states.place_of_in(name), false),
        Field::State { name, side: Side::Out } => (states.place_of_out(name), false),
    };
    // A hook that renames it leaves the field without.
    Place { index: index.unwrap_or(usize::MAX), is_own_model }
}
