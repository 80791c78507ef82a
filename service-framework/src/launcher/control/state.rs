//! What a state of a service holds, a page at a time, as that service has it.

use serde_json::{Value as Json, json};

use super::message::{Answer, Question, Refusal};
use crate::service::{SeenState, SeenValue, Shared};
use crate::value::Value;

/// So many keys are told unless the question says how many, and at most.
const ROWS: u64 = 100;
const MOST_ROWS: u64 = 1_000;

/// An answer gets no further keys once it is so long, and none that is longer alone.
const MOST_BYTES: usize = 1 << 20;

/// Answers `{"ask": "state", "side", "name", "topic", "find", "from", "most", "unless"}`: how the state is, and of the keys in which
/// or in whose value `find` stands those from place `from` on. If it is of the update `unless`, only how it is.
pub(super) fn answer(shared: &Shared, question: &Question) -> Answer {
    let (side, name) = (question.text("side")?, question.text("name")?);
    let text = |key| question.get(key).and_then(Json::as_str);
    let number = |key| question.get(key).and_then(Json::as_u64);
    let found = shared.seen_state(side, name, text("topic"));
    let (seen, value) =
        found.ok_or_else(|| Refusal::new("no_state", format!("there is no state {side}.{name}")))?;
    let mut answer = super::service::state(&seen);
    if !is_of(&seen, question.get("unless")) {
        let from = usize::try_from(number("from").unwrap_or_default()).unwrap_or(usize::MAX);
        let most = usize::try_from(number("most").unwrap_or(ROWS).min(MOST_ROWS)).unwrap_or_default();
        let page = Page::of(value, text("find").unwrap_or_default(), from, most);
        answer["rows"] = page.rows.into();
        answer["found"] = json!(page.found);
    }
    Ok(answer)
}

/// Whether a state is of the update `{"epoch", "number"}`. Numbers begin anew in each life of an owner, so one alone says nothing.
fn is_of(seen: &SeenState, update: Option<&Json>) -> bool {
    let known = update.and_then(|update| {
        let (epoch, number) = (update.get("epoch")?, update.get("number")?);
        Some((epoch.as_u64()?, number.as_i64()?))
    });
    known.is_some() && known == seen.epoch.zip(seen.number)
}

/// Some of the keys of a state.
struct Page {
    /// Each a key and its value.
    rows: Vec<Json>,
    /// In how many it stands what was looked for.
    found: usize,
}

impl Page {
    fn of(value: SeenValue, find: &str, from: usize, most: usize) -> Self {
        let mut page = Self { rows: Vec::new(), found: 0 };
        let mut bytes = 0;
        if find.is_empty() {
            page.found = value.len();
            for (key, value) in value.entries().skip(from).take(most) {
                page.add(&key, &value.to_json(), &mut bytes);
            }
            return page;
        }
        let find = find.to_lowercase();
        for (key, value) in value.entries() {
            let value = value.to_json();
            if stands_in(&find, &key.to_json()) || stands_in(&find, &value) {
                if page.found >= from && page.rows.len() < most {
                    page.add(&key, &value, &mut bytes);
                }
                page.found += 1;
            }
        }
        page
    }

    fn add(&mut self, key: &Value, value: &Json, bytes: &mut usize) {
        let length = value.to_string().len();
        let row = match length <= MOST_BYTES && *bytes <= MOST_BYTES {
            true => json!({ "key": key.to_json(), "value": value }),
            false => json!({ "key": key.to_json(), "bytes": length }),
        };
        *bytes += length;
        self.rows.push(row);
    }
}

/// Whether `find`, in small letters, stands in any text, name or number of `json`.
fn stands_in(find: &str, json: &Json) -> bool {
    let in_text = |text: &str| text.to_lowercase().contains(find);
    match json {
        Json::String(text) => in_text(text),
        Json::Array(items) => items.iter().any(|item| stands_in(find, item)),
        Json::Object(entries) => entries.iter().any(|(key, value)| in_text(key) || stands_in(find, value)),
        other => in_text(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Side;
    use crate::state::Status;

    fn seen(epoch: Option<u64>, number: Option<i64>) -> SeenState {
        let (name, status) = ("book".to_owned(), Status::Current);
        SeenState { side: Side::In, name, topic: None, status, number, epoch, keys: None }
    }

    #[test]
    fn what_is_known_is_of_the_same_update_of_the_same_life() {
        let known = json!({ "epoch": 7, "number": 3 });
        assert!(is_of(&seen(Some(7), Some(3)), Some(&known)));
        for (epoch, number) in
            [(Some(7), Some(4)), (Some(8), Some(3)), (Some(8), Some(2)), (None, Some(3)), (None, None)]
        {
            assert!(!is_of(&seen(epoch, number), Some(&known)), "{epoch:?} {number:?}");
        }
    }

    #[test]
    fn where_no_life_is_known_nothing_is_known() {
        for known in [json!(3), json!(null), json!({ "number": 3 }), json!({ "epoch": null, "number": 3 })] {
            assert!(!is_of(&seen(None, Some(3)), Some(&known)), "{known}");
            assert!(!is_of(&seen(Some(7), Some(3)), Some(&known)), "{known}");
        }
        assert!(!is_of(&seen(None, None), None));
    }

    fn value(keys: i64) -> SeenValue {
        let entry = |n: i64| (Value::from(format!("k{n}")), Value::Map(vec![("size".into(), n.into())]));
        SeenValue::of_full((0..keys).map(entry).collect())
    }

    fn keys(page: &Page) -> Vec<&str> {
        page.rows.iter().filter_map(|row| row["key"].as_str()).collect()
    }

    #[test]
    fn keys_come_page_by_page() {
        let page = Page::of(value(10), "", 8, 5);
        assert_eq!((keys(&page), page.found), (vec!["k8", "k9"], 10));
        assert_eq!(page.rows[0], json!({ "key": "k8", "value": { "size": 8 } }));
    }

    #[test]
    fn what_is_looked_for_stands_in_keys_names_or_values() {
        for (find, expected) in [("K3", vec!["k3"]), ("SIZE", vec!["k0", "k1"]), ("7", vec!["k7"])] {
            let page = Page::of(value(10), find, 0, 2);
            assert_eq!(keys(&page), expected, "{find}");
        }
        let page = Page::of(value(100), "9", 17, 5);
        assert_eq!((keys(&page), page.found), (vec!["k98", "k99"], 19));
    }

    #[test]
    fn an_answer_does_not_grow_without_end() {
        let long = |n: i64| (Value::from(n), Value::from("x".repeat(600_000)));
        let page = Page::of(SeenValue::of_full((0..4).map(long).collect()), "", 0, 100);
        let told: Vec<bool> = page.rows.iter().map(|row| row.get("value").is_some()).collect();
        assert_eq!(told, [true, true, false, false]);
        assert_eq!(page.rows[3], json!({ "key": 3, "bytes": 600_002 }));
    }
}
