//! Owners that follow each other, keys that go by themselves, and copies on disk.

use std::fs;
use std::time::Duration;

use serde_json::json;
use service_framework::model::StateModel;
use service_framework::service::SendError;
use service_framework::state::Status;

use super::here::{Replica, book, follow, follow_as, own, own_as, shows};
use super::net::Net;

#[test]
fn a_key_with_a_time_to_live_goes_unless_it_is_set_again() {
    const SOON: Duration = Duration::from_millis(150);
    let net = Net::over_ipc();
    let owner = own(&net);
    let replica = follow(&net);
    replica.wait_for([]);
    owner.book.set("stays", 1).unwrap();
    owner.book.set_for("goes", 2, SOON).unwrap();
    owner.book.set_for("set again", 3, SOON).unwrap();
    owner.book.set("set again", 4).unwrap();
    owner.book.set_for("longer", 5, SOON).unwrap();
    owner.book.set_for("longer", 6, Duration::from_secs(3_600)).unwrap();
    let keys = [("stays", 1), ("set again", 4), ("longer", 6)];
    let view = replica.wait_for(keys);
    assert!(shows(&owner.book.view(), keys));
    assert_eq!(view.number(), Some(6), "what goes is an update like any other");
    owner.book.set_for("goes", 7, SOON).unwrap();
    owner.book.replace(json!({"goes": 8})).unwrap();
    owner.book.set_for("marker", 9, SOON).unwrap();
    assert!(replica.wait_until(|view| view.number() == Some(10)).contains("goes").unwrap());
}

#[test]
fn a_standby_takes_over_and_replicas_follow_it() {
    let (first, second) = (Net::over_ipc(), Net::over_tcp());
    let both = |socket: &str| json!([first.at(socket), second.at(socket)]);
    let owner = own(&first);
    let standby = own_as(StateModel::delta_out("book", book()).stands_by(), second.book_out());
    let standby_sees = follow(&first);
    let addresses = json!({"subscriber": both("publisher"), "requester": both("replyer")});
    let model = || StateModel::delta_in("book", book());
    let replica = follow_as(model(), addresses.clone());
    owner.book.update().set("a", 1).set("b", 2).publish().unwrap();
    replica.wait_for([("a", 1), ("b", 2)]);
    let seen = standby_sees.wait_for([("a", 1), ("b", 2)]);
    assert!(matches!(standby.book.set("a", 9), Err(SendError::Standby { state }) if state == "book"));
    let epoch = replica.see().epoch();

    owner.running.end();
    standby.book.take_over(seen).unwrap();
    standby.book.set("c", 3).unwrap();
    let after = replica.wait_for([("a", 1), ("b", 2), ("c", 3)]);
    assert!(after.epoch() > epoch);
    let late = follow_as(model(), addresses);
    late.wait_for([("a", 1), ("b", 2), ("c", 3)]);
    standby.book.remove("a").unwrap();
    late.wait_for([("b", 2), ("c", 3)]);
    replica.wait_for([("b", 2), ("c", 3)]);
}

/// A replica with a copy on disk.
fn follow_with_copy(net: &Net) -> Replica {
    let path = net.place.path("book.copy").display().to_string();
    follow_as(StateModel::delta_in("book", book()).local_copy(path), net.book_in())
}

#[test]
fn a_copy_on_disk_is_shown_as_stale_until_the_owner_answers() {
    let net = Net::over_ipc();
    let owner = own(&net);
    owner.book.update().set("a", 1).set("b", 2).publish().unwrap();
    let replica = follow_with_copy(&net);
    let before = replica.wait_for([("a", 1), ("b", 2)]);
    replica.running.end();
    owner.running.end();

    let replica = follow_with_copy(&net);
    let stale = replica.see();
    assert!(stale.status().stale_for().is_some() && shows(&stale, [("a", 1), ("b", 2)]));
    assert_eq!((stale.number(), stale.epoch()), (before.number(), before.epoch()));
    let owner = own(&net);
    owner.book.set("c", 3).unwrap();
    replica.wait_for([("c", 3)]);
    replica.running.end();
    owner.running.end();
}

#[test]
fn a_copy_on_disk_that_is_none_is_passed_over() {
    let net = Net::over_ipc();
    let path = net.place.path("book.copy");
    for content in [&b""[..], b"garbage", &[0xff; 100_000], &[0x81, 0xa6]] {
        fs::write(&path, content).unwrap();
        let replica = follow_with_copy(&net);
        assert_eq!((replica.see().status(), replica.see().len()), (Status::Waiting, 0));
        let owner = own(&net);
        owner.book.set("a", 1).unwrap();
        replica.wait_for([("a", 1)]);
        replica.running.end();
        owner.running.end();
        let replica = follow_with_copy(&net);
        assert!(shows(&replica.see(), [("a", 1)]), "it was written anew");
        replica.running.end();
    }
}
