//! Leases and what they fence.

use super::fixture::{Fixture, SECOND, append, refused};
use crate::store::{Batch, Lease, Refused};

fn acquire(fixture: &Fixture, owner: &str) -> Lease {
    fixture.store.acquire("lease", owner, 10 * SECOND).wait().unwrap()
}

fn fenced(mine: u64, now: u64) -> Refused {
    Refused::Fenced { lease: "lease".to_owned(), mine, now }
}

pub(super) fn a_lease_is_one_owners_until_it_runs_out(fixture: &Fixture) {
    let mine = acquire(fixture, "me");
    assert_eq!((mine.name.as_str(), mine.owner.as_str(), mine.epoch), ("lease", "me", 1));
    let held = refused(fixture.store.acquire("lease", "you", SECOND).wait());
    let expected = Refused::Held { lease: "lease".to_owned(), owner: "me".to_owned(), until: mine.until };
    assert_eq!(held, expected);
    fixture.pass(5 * SECOND);
    let renewed = fixture.store.renew(&mine, 10 * SECOND).wait().unwrap();
    assert_eq!(renewed.epoch, 1);
    assert!(renewed.until >= mine.until + 5 * SECOND);
    fixture.pass(11 * SECOND);
    assert_eq!(acquire(fixture, "you").epoch, 2);
    let state = fixture.store.lease("lease").unwrap().unwrap();
    assert_eq!((state.epoch, state.owner.as_deref()), (2, Some("you")));
}

pub(super) fn every_change_of_hands_raises_the_epoch(fixture: &Fixture) {
    assert_eq!(acquire(fixture, "me").epoch, 1);
    assert_eq!(acquire(fixture, "me").epoch, 1);
    fixture.pass(11 * SECOND);
    assert_eq!(acquire(fixture, "me").epoch, 2);
    fixture.pass(11 * SECOND);
    assert_eq!(acquire(fixture, "you").epoch, 3);
    assert_eq!(fixture.store.acquire("other", "me", SECOND).wait().unwrap().epoch, 1);
}

pub(super) fn the_epoch_decides_and_not_the_time(fixture: &Fixture) {
    let write = |epoch| append("a", "kind").fence("lease", epoch).claim("after", b"");
    assert_eq!(fixture.refused(write(1)), fenced(1, 0));
    let mine = acquire(fixture, "me");
    fixture.pass(11 * SECOND);
    fixture.commit(write(mine.epoch));
    let theirs = acquire(fixture, "you");
    assert_eq!(fixture.refused(write(mine.epoch)), fenced(1, 2));
    assert_eq!(fixture.store.head("a").unwrap(), 1);
    fixture.commit(write(theirs.epoch));
    assert_eq!(fixture.refused(write(3)), fenced(3, 2));
}

pub(super) fn a_lost_lease_is_not_renewed_nor_released(fixture: &Fixture) {
    let mine = acquire(fixture, "me");
    fixture.pass(11 * SECOND);
    let mine = fixture.store.renew(&mine, 10 * SECOND).wait().unwrap();
    assert_eq!(mine.epoch, 1);
    fixture.pass(11 * SECOND);
    let theirs = acquire(fixture, "you");
    assert_eq!(refused(fixture.store.renew(&mine, SECOND).wait()), fenced(1, 2));
    assert_eq!(refused(fixture.store.release(&mine).wait()), fenced(1, 2));
    assert_eq!(fixture.store.renew(&theirs, SECOND).wait().unwrap().epoch, 2);
}

pub(super) fn a_released_lease_fences_at_once(fixture: &Fixture) {
    let mine = acquire(fixture, "me");
    fixture.store.release(&mine).wait().unwrap();
    assert_eq!(fixture.refused(Batch::new().fence("lease", mine.epoch)), fenced(1, 2));
    assert_eq!(refused(fixture.store.renew(&mine, SECOND).wait()), fenced(1, 2));
    assert_eq!(fixture.store.lease("lease").unwrap().unwrap().owner, None);
    let next = acquire(fixture, "you");
    assert_eq!(next.epoch, 3);
}
