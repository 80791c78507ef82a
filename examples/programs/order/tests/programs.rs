//! Tests of the programs, with the crate's own hooks on a shop in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Once;

use service_framework::prelude::*;
use service_framework::testing::programs;

use order::shop;

/// One shop for all tests of this process, each with an item and a customer of its own.
fn open() {
    static OPEN: Once = Once::new();
    OPEN.call_once(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("order_shop");
        // What the last run left, if there was one.
        let _ = fs::remove_dir_all(&folder);
        shop::use_folder(folder);
        for (item, count) in [("rope", "40"), ("anvil", "2"), ("lamp", "3")] {
            shop::write("stock", item, count).unwrap();
            shop::write("prices", item, "12.5").unwrap();
        }
        for customer in ["ada", "grace", "barbara"] {
            shop::write("accounts", customer, "100").unwrap();
        }
        shop::write("carriers", "post", "").unwrap();
    });
}

/// What is in the shop for an order, by table.
fn done_for(order: &str) -> BTreeMap<&str, String> {
    let tables = ["reserved", "paid", "parcels", "letters", "sent", "refunds"];
    tables.into_iter().filter_map(|table| Some((table, shop::read(table, order).unwrap()?))).collect()
}

/// What `buy` is asked with.
const BUY: &str = r#"{
  "order_id": "o-1",
  "customer_id": "ada",
  "item": "rope",
  "count": 2,
  "express": false
}"#;

#[test]
fn buy_comes_to_its_end() {
    open();
    let kit = programs(order::programs());
    let run = kit.run("buy", BUY);
    assert!(run.is_done(), "{run}");
    assert_eq!(run.pool.get("price").and_then(Value::as_f64), Some(25.0));
    assert_eq!(run.pool.get("parcel").and_then(Value::as_str), Some("post-o-1"));
    let done = done_for("o-1");
    assert_eq!(done["reserved"], "rope 2");
    assert_eq!(done["paid"], "ada 25");
    assert_eq!(done["sent"], "ada: Your order o-1 is on its way.");
}

#[test]
fn buy_is_undone_whatever_fails() {
    open();
    let kit = programs(order::programs());
    let order = r#"{"order_id": "o-2", "customer_id": "grace", "item": "anvil"}"#;
    let steps = ["reserve", "find_price", "charge", "choose_carrier", "ship", "write_letter", "send_letter"];
    let undone: [&[&str]; 7] = [
        &[],
        &["release"],
        &["release"],
        &["refund", "note_refund", "release"],
        &["refund", "note_refund", "release"],
        &["cancel_parcel", "refund", "note_refund", "release"],
        &["cancel_parcel", "refund", "note_refund", "release"],
    ];
    let runs = kit.broken_everywhere("buy", order);
    assert_eq!(runs.len(), steps.len());
    for (broken, run) in runs.iter().enumerate() {
        assert!(run.is_undone(), "{run}");
        assert_eq!(
            (run.done().as_slice(), run.undone().as_slice()),
            (&steps[..broken], undone[broken]),
            "{run}"
        );
    }
    // A letter that was written stays, as the spec says, and the books say what was given back.
    let left: Vec<_> = done_for("o-2").into_keys().collect();
    assert_eq!(left, ["letters", "refunds"]);
    assert!(kit.run("buy", order).is_done());
}

#[test]
fn what_cannot_be_bought_costs_nothing() {
    open();
    let kit = programs(order::programs());
    for (order, failed) in [
        (
            r#"{"order_id": "o-3", "customer_id": "barbara", "item": "lamp", "count": 4}"#,
            "order.stock.reserve",
        ),
        (
            r#"{"order_id": "o-3", "customer_id": "barbara", "item": "lamp", "count": -1}"#,
            "order.stock.reserve",
        ),
        (r#"{"order_id": "o-3", "customer_id": "nobody", "item": "lamp"}"#, "order.payment.charge"),
        (
            r#"{"order_id": "o-3", "customer_id": "barbara", "item": "lamp", "express": true}"#,
            "order.shipping.ship",
        ),
        (r#"{"order_id": "../o", "customer_id": "barbara", "item": "lamp"}"#, "order.stock.reserve"),
    ] {
        let run = kit.run("buy", order);
        assert!(run.is_undone(), "{run}");
        assert_eq!(run.pool.get("_last_failed_program").and_then(Value::as_str), Some(failed), "{run}");
        let left: Vec<_> = done_for("o-3").into_keys().filter(|table| *table != "refunds").collect();
        assert_eq!(left, [""; 0]);
    }
}

#[test]
fn a_rectifier_may_run_twice_and_where_nothing_was_done() {
    open();
    let mut pool = Pool::new();
    pool.set("order_id", "o-4");
    for _ in 0..2 {
        order::stock::release(pool.read().unwrap()).unwrap();
        order::payment::refund(pool.read().unwrap()).unwrap();
        order::books::note_refund(pool.read().unwrap()).unwrap();
        order::shipping::cancel(pool.read().unwrap()).unwrap();
    }
    assert_eq!(done_for("o-4").into_keys().collect::<Vec<_>>(), ["refunds"]);
}

/// What `tell` is asked with.
const TELL: &str = r#"{
  "order_id": "o-5",
  "customer_id": "ada"
}"#;

#[test]
fn tell_comes_to_its_end() {
    open();
    let kit = programs(order::programs());
    let run = kit.run("tell", TELL);
    assert!(run.is_done(), "{run}");
    assert!(fs::read_dir(shop::folder().join("sent")).unwrap().count() > 0);
}

#[test]
fn tell_is_undone_whatever_fails() {
    open();
    let kit = programs(order::programs());
    for run in kit.broken_everywhere("tell", TELL) {
        assert!(run.is_undone(), "{run}");
    }
}
