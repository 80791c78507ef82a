//! A model as data: what the service takes and gives stands in a JSON file, and its function sees values of any type. The
//! model is checked all the same.
//!
//! Run with `cargo run --bin dynamic -- -a addresses/ideas/dynamic.json`.

use serde_json::Value as Json;
use service_framework::model::ServiceModel;
use service_framework::prelude::*;

/// In the form that `describe --json` prints, and that a service in another language has.
const MODEL: &str = include_str!("../dynamic.json");

/// Answers with what was asked, sorted by its keys.
fn sort(args: Value) -> Result<Value> {
    let Some(Value::Map(mut entries)) = args.get("entries").cloned() else { return Ok(args) };
    entries.sort_by(|(one, _), (other, _)| one.as_str().cmp(&other.as_str()));
    Ok(Value::Map(vec![(Value::from("entries"), Value::Map(entries))]))
}

pub(crate) fn service() -> Result<Service> {
    let json: Json = serde_json::from_str(MODEL)?;
    match ServiceModel::from_json(&json, Some("dynamic.json")) {
        Ok(model) => Ok(Service::from_model(model).handler("sort", sort)),
        Err(problems) => Err(service_framework::service::SetupError::from(problems).into()),
    }
}

fn main() -> Result<ExitCode> {
    Ok(service_framework::run(service()?))
}
