//! Requests, and the pools that they begin with.

use serde_json::{Map, Value as Json};

use super::settle::problem_with;
use crate::model::near_miss;
use crate::program::pool::{PROGRAM_NAME, Pool, TIME_START};
use crate::program::spec::{FRAMEWORK_NAMES, Program, Spec};
use crate::value::Value;

/// What a client asks for: `{"program": …, "data_pool": {…}, "metadata": {…}}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The program's name.
    pub program: String,
    /// What the pool begins with.
    pub pool: Pool,
    /// What comes into the pool under names that begin with `_`.
    pub metadata: Pool,
}

/// Why a request is refused before anything ran.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// It is JSON, but no request.
    #[error("a request is an object {{\"program\": …, \"data_pool\": {{…}}, \"metadata\": {{…}}}}, but {0}")]
    Shape(String),
    /// No program is called so.
    #[error("there is no program {name:?}{hint}")]
    UnknownProgram {
        /// What was asked for.
        name: String,
        /// What was probably meant, or all that there are.
        hint: String,
    },
    /// Nothing can be kept under such a key.
    #[error(
        "an idempotency key and the name of the program have at most {most} bytes together and no NUL, and these have {size}"
    )]
    Key {
        /// How many bytes they have.
        size: usize,
        /// How many they may have.
        most: usize,
    },
    /// Required arguments are missing or of another type.
    #[error("the program {program:?} cannot run with this data pool: {}", problems.join(", "))]
    Arguments {
        /// The program's name.
        program: String,
        /// All that is wrong.
        problems: Vec<String>,
    },
}

impl Request {
    /// One for a program, with this pool.
    #[must_use]
    pub fn new(program: &str, pool: Pool) -> Self {
        Self { program: program.to_owned(), pool, metadata: Pool::new() }
    }

    /// Adds metadata.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.metadata.set(name, value);
        self
    }

    /// Runs once, however often it is sent, and has the same answer each time.
    #[must_use]
    pub fn idempotent(self, key: &str) -> Self {
        self.with("idempotency_key", key)
    }

    /// The key under which this request runs once.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.metadata.get("idempotency_key").and_then(Value::as_str).filter(|key| !key.is_empty())
    }

    /// Reads the JSON of a request.
    ///
    /// # Errors
    /// It is not of the shape of a request.
    pub fn from_json(json: &Json) -> Result<Self, RequestError> {
        let Json::Object(entries) = json else {
            return Err(RequestError::Shape(format!("this is {}", crate::model::describe(json))));
        };
        let Some(Json::String(program)) = entries.get("program") else {
            return Err(RequestError::Shape("\"program\" is no text".to_owned()));
        };
        let request = Self {
            program: program.clone(),
            pool: read_pool(entries, "data_pool")?,
            metadata: read_pool(entries, "metadata")?,
        };
        match request.metadata.get("idempotency_key") {
            None | Some(Value::Nil | Value::Str(_)) => Ok(request),
            Some(_) => Err(RequestError::Shape("\"metadata.idempotency_key\" is no text".to_owned())),
        }
    }
}

fn read_pool(entries: &Map<String, Json>, key: &str) -> Result<Pool, RequestError> {
    match entries.get(key) {
        None | Some(Json::Null) => Ok(Pool::new()),
        Some(Json::Object(values)) => {
            Pool::from_json(values).map_err(|error| RequestError::Shape(format!("in {key:?}, {error}")))
        }
        Some(_) => Err(RequestError::Shape(format!("{key:?} is no object"))),
    }
}

/// The pool that a run of a program begins with at a time in milliseconds since 1970: the request's with its metadata, the
/// program's defaults and what the framework adds. Names of the framework's own that a client sends are dropped.
///
/// # Errors
/// Required arguments are missing, or arguments are of other types.
pub fn prepare(program: &Program, request: Request, now: i64) -> Result<Pool, RequestError> {
    let mut pool = request.pool;
    for (name, value) in request.metadata.iter() {
        match name.starts_with('_') {
            true => pool.set(name, value.clone()),
            false => pool.set(&format!("_{name}"), value.clone()),
        }
    }
    for own in FRAMEWORK_NAMES {
        pool.remove(own);
    }
    for arg in &program.args {
        if let (Some(default), false) = (&arg.default, pool.has(&arg.name)) {
            pool.set(&arg.name, default.clone());
        }
    }
    pool.set(PROGRAM_NAME, program.name.as_str());
    pool.set(TIME_START, now);
    let problems: Vec<String> = program.args.iter().filter_map(|arg| problem_with(&pool, arg)).collect();
    pool.watch();
    match problems.is_empty() {
        true => Ok(pool),
        false => Err(RequestError::Arguments { program: program.name.clone(), problems }),
    }
}

/// The place of a program in its spec.
///
/// # Errors
/// There is none of this name.
pub(crate) fn find(spec: &Spec, name: &str) -> Result<usize, RequestError> {
    let names = || spec.programs().iter().map(|program| program.name.as_str());
    names().position(|known| known == name).ok_or_else(|| {
        let hint = match near_miss(name, names()) {
            Some(meant) => format!("; did you mean {meant:?}?"),
            None => format!("; there are {}", names().collect::<Vec<_>>().join(", ")),
        };
        RequestError::UnknownProgram { name: name.to_owned(), hint }
    })
}
