//! A schema of its own for each test, in the PostgreSQL server that SERVICE_FRAMEWORK_TEST_POSTGRES names.

/// A schema. Dropped with this.
pub(crate) struct Schema {
    server: String,
    name: String,
    /// Where a store in it is.
    pub(crate) location: String,
}

impl Schema {
    /// None if there is no server; says so.
    pub(crate) fn new() -> Option<Self> {
        let Ok(server) = std::env::var("SERVICE_FRAMEWORK_TEST_POSTGRES") else {
            eprintln!("skipped: SERVICE_FRAMEWORK_TEST_POSTGRES names no PostgreSQL server");
            return None;
        };
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let separator = if server.contains('?') { '&' } else { '?' };
        Some(Self { location: format!("{server}{separator}schema={name}"), server, name })
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let mut client = postgres::Client::connect(&self.server, postgres::NoTls).unwrap();
        client.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name)).unwrap();
    }
}
