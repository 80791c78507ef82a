//! Frames come back from their bytes, and nothing else does.

use proptest::prelude::*;

use super::*;
use crate::cluster::identity::Address;
use crate::cluster::record::Instance;

fn frame(body: Body) -> Frame {
    let from = Identity { node: NodeId(u128::MAX - 1), epoch: 7, boot: u64::MAX };
    Frame { cluster: 3, from, to: Some(NodeId(2)), trail: vec![NodeId(9)], body }
}

fn record() -> Record {
    let instance = Instance {
        service: "orders".to_owned(),
        endpoints: [("cancel".to_owned(), "tcp://10.0.0.5:1".to_owned())].into(),
        weight: 1,
        ready: true,
    };
    Record {
        identity: frame(Body::Digest(0)).from,
        version: 4,
        name: "n1".to_owned(),
        addresses: vec![Address("tcp://10.0.0.5:60858".to_owned())],
        unreachable: vec![NodeId(5)],
        relays: true,
        leaving: false,
        info: [("kind".to_owned(), "test".to_owned())].into(),
        services: vec![instance],
    }
}

fn bodies() -> Vec<Body> {
    let state = MemberState {
        identity: record().identity,
        incarnation: 3,
        standing: crate::cluster::membership::Standing::Suspect,
    };
    vec![
        Body::Swim(vec![1, 2, 3].into()),
        Body::Hello { record: record(), called: None },
        Body::Welcome { members: vec![state], records: vec![record()], seen: None },
        Body::Stale { epoch: 9 },
        Body::Digest(u64::MAX),
        Body::View { members: vec![state; 3], stands: vec![record().stand()], ask: true },
        Body::Ask(vec![NodeId(1)]),
        Body::Records(vec![record()]),
        Body::Ping(1),
        Body::Pong(1),
        Body::Leave(record().identity),
    ]
}

#[test]
fn every_body_comes_back_from_its_bytes() {
    for body in bodies() {
        let frame = frame(body);
        assert_eq!(Frame::decode(&frame.encode(), 1 << 20), Ok(frame));
    }
}

#[test]
fn other_versions_and_too_much_are_refused_with_both_numbers() {
    let mut bytes = frame(Body::Ping(1)).encode();
    assert_eq!(Frame::decode(&bytes, 10), Err(WireError::TooLong(bytes.len(), 10)));
    bytes[0] = 2;
    let error = Frame::decode(&bytes, 1 << 20).unwrap_err();
    assert_eq!(error.to_string(), "version 2 of the format, this node speaks 1");
    assert_eq!(Frame::decode(&[], 10), Err(WireError::Empty));
}

#[test]
fn a_frame_that_is_cut_off_or_longer_than_itself_is_refused() {
    for body in bodies() {
        let mut bytes = frame(body).encode();
        for length in 1..bytes.len() {
            assert!(Frame::decode(&bytes[..length], 1 << 20).is_err(), "{length}");
        }
        bytes.push(0);
        assert!(Frame::decode(&bytes, 1 << 20).is_err());
    }
}

/// Bytes that are almost a frame: a real one with a few bytes changed.
fn almost() -> impl Strategy<Value = Vec<u8>> {
    let all: Vec<Vec<u8>> = bodies().into_iter().map(|body| frame(body).encode()).collect();
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::sample::select(all), changes).prop_map(|(mut bytes, changes)| {
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        bytes
    })
}

proptest! {
    #[test]
    fn whatever_comes_in_is_a_frame_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzzing::run(&bytes);
    }

    #[test]
    fn frames_with_faults_are_taken_or_refused_whole(bytes in almost()) {
        fuzzing::run(&bytes);
    }
}
