//! A connection to the server, with the schema in its path and each statement prepared once.

use std::collections::HashMap;
use std::error::Error as _;
use std::thread;
use std::time::{Duration, Instant};

use postgres::types::ToSql;
use postgres::{Client, NoTls, Row, Statement};

use super::target::Target;
use crate::store::location::Durability;

/// How long a lost server is tried to be reached again before what waits for it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// How long a process may be paused within a transaction before the server ends its connection, so that others get its locks.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection.
pub(super) struct Link {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Link {
    pub(super) fn connect(target: &Target) -> Result<Self, postgres::Error> {
        let mut client = target.config.connect(NoTls)?;
        let commit = if target.durability == Durability::Fsync { "on" } else { "off" };
        // Schemas have plain names.
        client.batch_execute(&format!(
            "SET search_path TO {}; SET synchronous_commit TO {commit}; SET client_min_messages TO warning; \
             SET idle_in_transaction_session_timeout TO {}",
            target.schema,
            LONGEST_PAUSE.as_millis()
        ))?;
        Ok(Self { client, statements: HashMap::new() })
    }

    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    pub(super) fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, postgres::Error> {
        let statement = self.statement(sql)?;
        self.client.query(&statement, params)
    }

    pub(super) fn one(&mut self, sql: &str, params: Params<'_>) -> Result<Option<Row>, postgres::Error> {
        self.query(sql, params).map(|rows| rows.into_iter().next())
    }

    pub(super) fn run(&mut self, sql: &str) -> Result<(), postgres::Error> {
        self.client.batch_execute(sql)
    }

    pub(super) fn execute(&mut self, sql: &str, params: Params<'_>) -> Result<u64, postgres::Error> {
        let statement = self.statement(sql)?;
        self.client.execute(&statement, params)
    }

    fn statement(&mut self, sql: &str) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Tries for a while to do what needs a connection: servers are restarted.
pub(super) fn patiently<T>(
    mut attempt: impl FnMut() -> Result<T, postgres::Error>,
) -> Result<T, postgres::Error> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(error) if start.elapsed() < PATIENCE && is_lost(&error) => thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
}

/// Whether the connection is gone, or the server about to go.
pub(super) fn is_lost(error: &postgres::Error) -> bool {
    // Class 57P: the server is shut down, crashed or starts up. 25P03: this process was paused within a transaction.
    error.code().is_none_or(|code| code.code().starts_with("57P") || code.code() == "25P03")
}

/// Whether the same may go well the next time: another transaction was in the way.
pub(super) fn is_collision(error: &postgres::Error) -> bool {
    error.code().is_some_and(|code| ["40001", "40P01", "23505"].contains(&code.code()))
}

/// What the server or the system said.
pub(super) fn text(error: &postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(error), _) => format!("{} ({})", error.message(), error.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}
