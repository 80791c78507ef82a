//! Scenarios as JSON.

use std::time::Duration;

use serde_json::Value as Json;

use super::network::Weather;
use super::scenario::{Act, Load, Scenario, Step};

/// Nodes of a scenario, at most: what one process simulates in minutes.
const NODES: u64 = 10_000;

/// What a step may say, and its key.
const ACTS: [&str; 12] = [
    "start",
    "crash",
    "leave",
    "freeze",
    "skew",
    "slow",
    "cut",
    "mend",
    "partition",
    "mend_all",
    "weather",
    "load",
];

type Result<T> = std::result::Result<T, String>;

impl Scenario {
    /// Reads a scenario: `{"nodes", "seconds", "seed", "settle", "name", "chaos", "steps": [{"at": SECONDS, ACT: …}]}`. All
    /// nodes start at once unless a step starts some.
    ///
    /// ```
    /// use service_framework::cluster::sim::Scenario;
    ///
    /// let scenario = Scenario::from_json(&serde_json::json!({
    ///     "nodes": 5, "seconds": 40, "seed": 7,
    ///     "steps": [
    ///         {"at": 0, "load": {"emits": 5, "writes": 5, "bytes": 200}},
    ///         {"at": 10, "partition": [[0, 1], [2, 3, 4]]},
    ///         {"at": 25, "mend_all": true},
    ///     ],
    /// }));
    /// assert_eq!(scenario.map(|scenario| scenario.nodes), Ok(5));
    /// ```
    ///
    /// # Errors
    /// Where something is wrong, and what was expected, as `PLACE: WHAT`.
    pub fn from_json(json: &Json) -> Result<Self> {
        let known = ["name", "nodes", "seconds", "seed", "settle", "chaos", "steps", "$schema"];
        let object = json.as_object().ok_or(": an object with `nodes` and `seconds`")?;
        if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("{key}: one of {}", known.join(", ")));
        }
        let nodes = json.get("nodes").and_then(Json::as_u64).filter(|nodes| (1..=NODES).contains(nodes));
        let nodes = nodes.ok_or_else(|| format!("nodes: a number from 1 to {NODES}"))?;
        let nodes = usize::try_from(nodes).map_err(|error| format!("nodes: {error}"))?;
        let length = seconds(json, "seconds", "")?.ok_or("seconds: how long it lasts")?;
        let seed = json.get("seed").map_or(Some(1), Json::as_u64).ok_or("seed: a whole number, 0 or more")?;
        let mut scenario = match json.get("chaos").and_then(Json::as_bool).unwrap_or_default() {
            true if length < Duration::from_secs(3) => {
                return Err("seconds: 3 or more, with chaos".to_owned());
            }
            true => Self::chaos(seed, nodes, length),
            false => Self::calm(seed, nodes, length),
        };
        scenario.settle = seconds(json, "settle", "")?.unwrap_or(scenario.settle);
        if let Some(name) = json.get("name").and_then(Json::as_str) {
            name.clone_into(&mut scenario.name);
        }
        let steps =
            json.get("steps").map_or(Some([].as_slice()), |steps| steps.as_array().map(Vec::as_slice));
        let steps = steps.ok_or("steps: a list")?.iter().enumerate();
        let steps = steps.map(|(at, step)| read_step(step, &format!("steps[{at}]"), nodes));
        let steps: Vec<Vec<Step>> = steps.collect::<Result<_>>()?;
        let steps: Vec<Step> = steps.into_iter().flatten().collect();
        if steps.iter().any(|step| matches!(step.act, Act::Start(_)) && step.at == Duration::ZERO) {
            scenario.steps.retain(|step| !matches!(step.act, Act::Start(_)));
        }
        scenario.steps.extend(steps);
        Ok(scenario)
    }
}

fn read_step(step: &Json, place: &str, nodes: usize) -> Result<Vec<Step>> {
    let at = seconds(step, "at", place)?.ok_or_else(|| format!("{place}.at: seconds since the start"))?;
    let said: Vec<&str> = ACTS.into_iter().filter(|act| step.get(act).is_some()).collect();
    let [act] = said.as_slice() else {
        return Err(format!("{place}: one of {}", ACTS.join(", ")));
    };
    let acts = read_act(act, step, place, nodes)?;
    Ok(acts.into_iter().map(|act| Step { at, act }).collect())
}

fn read_act(act: &str, step: &Json, place: &str, nodes: usize) -> Result<Vec<Act>> {
    let here = format!("{place}.{act}");
    let what = step.get(act).unwrap_or(&Json::Null);
    let some = || numbers(what, &here, nodes);
    let millis = || step.get("millis").and_then(Json::as_i64);
    let act = match act {
        "start" => Act::Start(some()?),
        "crash" => {
            let keeps_disk = step.get("keeps_disk").and_then(Json::as_bool).unwrap_or(true);
            Act::Crash { nodes: some()?, keeps_disk }
        }
        "leave" => Act::Leave(some()?),
        "freeze" => {
            let duration = seconds(step, "seconds", place)?;
            let duration = duration.ok_or_else(|| format!("{place}.seconds: how long"))?;
            Act::Freeze { nodes: some()?, duration }
        }
        "skew" => Act::Skew {
            nodes: some()?,
            millis: millis().ok_or_else(|| format!("{place}.millis: how far ahead, or behind"))?,
        },
        "slow" => {
            let millis = millis().and_then(|millis| u64::try_from(millis).ok());
            let millis = millis.ok_or_else(|| format!("{place}.millis: how long each frame takes"))?;
            Act::Slow { nodes: some()?, cost: Duration::from_millis(millis) }
        }
        "cut" | "mend" => {
            let side =
                |key: &str| numbers(what.get(key).unwrap_or(&Json::Null), &format!("{here}.{key}"), nodes);
            let (from, to) = (side("from")?, side("to")?);
            if act == "cut" { Act::Cut { from, to } } else { Act::Mend { from, to } }
        }
        "partition" => return partition(what, &here, nodes),
        "mend_all" => Act::MendAll,
        "weather" => Act::Weather(weather(what, &here)?),
        _ => Act::Load(load(what, &here)?),
    };
    Ok(vec![act])
}

/// Groups between which nothing passes.
fn partition(what: &Json, place: &str, nodes: usize) -> Result<Vec<Act>> {
    let groups = what.as_array().ok_or_else(|| format!("{place}: a list of groups"))?;
    let groups: Vec<Vec<usize>> =
        groups.iter().map(|group| numbers(group, place, nodes)).collect::<Result<_>>()?;
    let pairs = (0..groups.len()).flat_map(|one| (0..groups.len()).map(move |other| (one, other)));
    let cuts = pairs.filter(|(one, other)| one != other);
    Ok(cuts.map(|(one, other)| Act::Cut { from: groups[one].clone(), to: groups[other].clone() }).collect())
}

fn numbers(json: &Json, place: &str, nodes: usize) -> Result<Vec<usize>> {
    let expected = || format!("{place}: a list of nodes, from 0 to {}", nodes - 1);
    let list = json.as_array().ok_or_else(expected)?;
    let number = |item: &Json| usize::try_from(item.as_u64()?).ok().filter(|node| *node < nodes);
    list.iter().map(|item| number(item).ok_or_else(expected)).collect()
}

fn seconds(json: &Json, key: &str, place: &str) -> Result<Option<Duration>> {
    let Some(value) = json.get(key) else { return Ok(None) };
    let duration = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let dot = if place.is_empty() { "" } else { "." };
    duration
        .filter(|duration| *duration <= Duration::from_secs(1_000_000))
        .map(Some)
        .ok_or_else(|| format!("{place}{dot}{key}: seconds, 0 or more"))
}

fn weather(json: &Json, place: &str) -> Result<Weather> {
    let calm = Weather::default();
    let share = |key: &str| match json.get(key) {
        None => Ok(0),
        Some(value) => {
            let share = value.as_f64().filter(|share| (0.0..=1.0).contains(share));
            let share = share.ok_or_else(|| format!("{place}.{key}: a share from 0 to 1"))?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is from 0 to a million"
            )]
            let parts = (share * 1e6) as u32;
            Ok::<u32, String>(parts)
        }
    };
    let delay = match json.get("delay_ms") {
        None => calm.delay,
        Some(delay) => {
            let millis = |at: usize| {
                let millis = delay.get(at).and_then(Json::as_f64)?;
                Duration::try_from_secs_f64(millis / 1e3).ok()
            };
            let ways = millis(0).zip(millis(1)).filter(|(least, most)| least <= most);
            ways.ok_or_else(|| format!("{place}.delay_ms: the least and the most, in milliseconds"))?
        }
    };
    let in_order = json.get("in_order").and_then(Json::as_bool).unwrap_or_default();
    Ok(Weather { delay, loss: share("loss")?, repeat: share("repeat")?, in_order })
}

fn load(json: &Json, place: &str) -> Result<Load> {
    let rate = |key: &str| match json.get(key) {
        None => Ok(0.0),
        Some(value) => {
            let rate = value.as_f64().filter(|rate| (0.0..=100_000.0).contains(rate));
            rate.ok_or_else(|| format!("{place}.{key}: how many in a second"))
        }
    };
    let bytes =
        json.get("bytes").map_or(Some(100), Json::as_u64).and_then(|bytes| usize::try_from(bytes).ok());
    Ok(Load {
        emits: rate("emits")?,
        acked: rate("acked")?,
        sends: rate("sends")?,
        requests: rate("requests")?,
        writes: rate("writes")?,
        bytes: bytes
            .filter(|bytes| *bytes <= 4 << 20)
            .ok_or_else(|| format!("{place}.bytes: up to 4 MiB"))?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(json: &Json) -> String {
        Scenario::from_json(json).map(|_| ()).unwrap_err()
    }

    #[test]
    fn every_act_is_read() {
        let scenario = Scenario::from_json(&json!({
            "name": "all", "nodes": 4, "seconds": 9.5, "seed": 3, "settle": 20, "steps": [
                {"at": 0, "start": [0, 1]}, {"at": 1, "start": [2, 3]},
                {"at": 1, "crash": [1], "keeps_disk": false}, {"at": 2, "leave": [2]},
                {"at": 2, "freeze": [0], "seconds": 1}, {"at": 2, "skew": [0], "millis": -500},
                {"at": 2, "slow": [0], "millis": 20}, {"at": 3, "cut": {"from": [0], "to": [1, 2]}},
                {"at": 4, "mend": {"from": [0], "to": [1]}}, {"at": 5, "partition": [[0], [1, 2], [3]]},
                {"at": 6, "mend_all": true},
                {"at": 7, "weather": {"delay_ms": [0.5, 20], "loss": 0.25, "repeat": 0.01, "in_order": true}},
                {"at": 7, "load": {"emits": 2.5, "bytes": 10}}
            ]
        }))
        .unwrap();
        assert_eq!((scenario.nodes, scenario.seed, &*scenario.name), (4, 3, "all"));
        assert_eq!(scenario.settle, Duration::from_secs(20));
        assert_eq!(scenario.steps.iter().filter(|step| matches!(step.act, Act::Start(_))).count(), 2);
        assert_eq!(scenario.steps.iter().filter(|step| matches!(step.act, Act::Cut { .. })).count(), 7);
        let weather = scenario.steps.iter().find_map(|step| match step.act {
            Act::Weather(weather) => Some(weather),
            _ => None,
        });
        assert_eq!(weather.map(|weather| (weather.loss, weather.in_order)), Some((250_000, true)));
        assert_eq!(Scenario::from_json(&json!({ "nodes": 2, "seconds": 1 })).unwrap().steps.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        assert_eq!(error(&json!({ "nodes": 0, "seconds": 1 })), "nodes: a number from 1 to 10000");
        assert_eq!(error(&json!({ "nodes": 2 })), "seconds: how long it lasts");
        assert_eq!(error(&json!({ "nodes": 2, "seconds": -1 })), "seconds: seconds, 0 or more");
        assert!(error(&json!({ "nodes": 2, "seconds": 1, "step": [] })).starts_with("step: one of"));
        let step = |step: Json| error(&json!({ "nodes": 2, "seconds": 1, "steps": [step] }));
        assert_eq!(step(json!({ "start": [0] })), "steps[0].at: seconds since the start");
        assert!(step(json!({ "at": 0 })).starts_with("steps[0]: one of start"));
        assert_eq!(step(json!({ "at": 0, "start": [2] })), "steps[0].start: a list of nodes, from 0 to 1");
        assert!(step(json!({ "at": 0, "weather": {"loss": 2} })).starts_with("steps[0].weather.loss"));
        assert!(step(json!({ "at": 0, "load": {"emits": -1} })).starts_with("steps[0].load.emits"));
    }
}
