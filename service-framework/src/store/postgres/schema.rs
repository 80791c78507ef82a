//! The tables of a store in a schema of a database, made or brought up to date when it is opened.

use postgres::{Client, NoTls};

use super::link::text;
use super::target::Target;
use crate::store::error::Error;

/// What leads from each version of the schema to the next.
pub(super) const SCHEMA: [&str; 1] = [include_str!("schema_1.sql")];

/// The lock under which tables are made; those of names are numbered from 0 on.
const LOCK: i32 = -1;

/// What may be done when it is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct May {
    /// Make a store that is not there.
    pub(crate) make: bool,
    /// Bring an older one up to date.
    pub(crate) migrate: bool,
}

/// Finds the store or makes it; the version of the schema that it had, if it was there.
///
/// # Errors
/// There is none, or none that can be used.
pub(super) fn prepare(target: &Target, may: May) -> Result<Option<usize>, Error> {
    let failed = |error: postgres::Error| target.cannot(text(&error));
    let mut client = target.config.connect(NoTls).map_err(failed)?;
    client.batch_execute("BEGIN").map_err(failed)?;
    client.query("SELECT pg_advisory_xact_lock($1, $2)", &[&target.lock_class(), &LOCK]).map_err(failed)?;
    let schema = version(&mut client, target).map_err(failed)?;
    decide(target, schema, may)?;
    if schema.unwrap_or(0) < SCHEMA.len() {
        migrate(&mut client, target, schema).map_err(failed)?;
    }
    client.batch_execute("COMMIT").map_err(failed)?;
    Ok(schema)
}

/// The version of the schema, if there is a store.
fn version(client: &mut Client, target: &Target) -> Result<Option<usize>, postgres::Error> {
    let table = format!("{}.service_framework_store", target.schema);
    let there: Option<String> = client.query_one("SELECT to_regclass($1)::text", &[&table])?.get(0);
    if there.is_none() {
        return Ok(None);
    }
    let version: i32 = client.query_one(&format!("SELECT version FROM {table}"), &[])?.get(0);
    Ok(Some(usize::try_from(version).unwrap_or(0)))
}

fn decide(target: &Target, schema: Option<usize>, may: May) -> Result<(), Error> {
    let now = SCHEMA.len();
    match schema {
        None if !may.make => Err(target.cannot(format!("there is no store in the schema {:?}", target.schema))),
        Some(schema) if schema > now => {
            Err(target.cannot(format!("its schema is {schema}, newer than this version's {now}")))
        }
        Some(schema) if schema < now && !may.migrate => Err(target.cannot(format!(
            "its schema is {schema}, this version has {now}: `service_framework store migrate` brings it up to date"
        ))),
        _ => Ok(()),
    }
}

fn migrate(client: &mut Client, target: &Target, schema: Option<usize>) -> Result<(), postgres::Error> {
    let name = &target.schema;
    if schema.is_none() {
        let there: Option<String> = client.query_one("SELECT to_regnamespace($1)::text", &[name])?.get(0);
        if there.is_none() {
            client.batch_execute(&format!("CREATE SCHEMA {name}"))?;
        }
    }
    client.batch_execute(&format!("SET LOCAL search_path TO {name}"))?;
    if schema.is_none() {
        client.batch_execute("CREATE TABLE service_framework_store (version integer NOT NULL); INSERT INTO service_framework_store VALUES (0)")?;
    }
    for step in SCHEMA.iter().skip(schema.unwrap_or(0)) {
        client.batch_execute(step)?;
    }
    client.batch_execute(&format!("UPDATE service_framework_store SET version = {}", SCHEMA.len()))
}
