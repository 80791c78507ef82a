//! Nodes side by side, without a network: what is refused, answered and told.

use std::time::Duration;

use super::super::events::CallError;
use super::super::events::Policy;
use super::super::events::requests::{Request, Target};
use super::super::map::Write;
use super::super::membership::{MemberState, Notice, Standing};
use super::*;

fn engine(node: u128, epoch: u64, boot: u64) -> Engine {
    let (versions, floor) = (Versions::default(), Versions::default());
    let identity = Identity { node: NodeId(node), epoch, boot };
    let boot = Boot { identity, store: boot, seed: node as u64, entries: Vec::new(), versions, floor };
    let address = |node: u128| Address(format!("sim:{node}"));
    let settings = Settings { addresses: vec![address(node)], join: vec![address(1)], ..Settings::default() };
    Engine::new(settings, boot, Now::default())
}

fn at(millis: u64) -> Now {
    Now { at: Moment(millis * 1_000), wall: millis }
}

fn address_of(engine: &Engine) -> Address {
    engine.settings.addresses[0].clone()
}

/// Lets the nodes talk for a while; what they told besides.
fn talk(engines: &mut [Engine], until: u64) -> Vec<Output> {
    let mut told = Vec::new();
    for millis in (0..=until).step_by(50) {
        engines.iter_mut().for_each(|engine| engine.tick(at(millis)));
        for from in 0..engines.len() {
            while let Some(output) = engines[from].next_output() {
                let Output::Transmit { addresses, bytes, .. } = output else {
                    told.push(output);
                    continue;
                };
                let source = address_of(&engines[from]);
                let is_it = |engine: &&mut Engine| addresses.contains(&address_of(engine));
                if let Some(to) = engines.iter_mut().find(is_it) {
                    to.receive(at(millis), Some(&source), None, &bytes);
                }
            }
        }
    }
    told
}

fn request(target: Target) -> Request {
    let patience = Duration::from_secs(1);
    Request { target, name: "work".to_owned(), payload: Payload::default(), patience, idempotent: false }
}

#[test]
fn calls_to_nobody_are_refused_at_once() {
    let mut engine = engine(1, 1, 1);
    let unknown = engine.send_event(at(0), NodeId(9), "e", &Payload::default());
    assert_eq!(unknown, Err(CallError::UnknownNode(NodeId(9))));
    let nobody = engine.request(at(0), request(Target::Service("s".to_owned())));
    assert_eq!(nobody, Err(CallError::NoResponders("s".to_owned())));
    let large = engine.emit(at(0), "e", &Payload::raw(&vec![0; 9 << 20]), false);
    assert!(matches!(large, Err(CallError::TooLarge(..))));
}

#[test]
fn a_request_for_which_a_node_has_no_handler_ends_at_once() {
    let mut engines = [engine(1, 1, 1), engine(2, 1, 2)];
    talk(&mut engines, 500);
    let ticket = engines[0].request(at(500), request(Target::Node(NodeId(2)))).unwrap();
    let told = talk(&mut engines, 550);
    let result = Err(RequestError::NoResponders("work".to_owned()));
    assert!(told.contains(&Output::Reply { ticket, result }));
}

#[test]
fn a_service_is_found_by_its_name_and_answers() {
    let mut engines = [engine(1, 1, 1), engine(2, 1, 2), engine(3, 1, 3)];
    talk(&mut engines, 500);
    let instance = Instance { service: "s".to_owned(), endpoints: BTreeMap::new(), weight: 1, ready: true };
    engines[2].serve(["work".to_owned()]);
    engines[2].register(at(500), vec![instance]).unwrap();
    talk(&mut engines, 550);
    let ticket = engines[1].request(at(550), request(Target::Service("s".to_owned()))).unwrap();
    let told = talk(&mut engines, 600);
    let asked = told.iter().find_map(|output| match output {
        Output::Request { from, call, .. } => Some((*from, *call)),
        _ => None,
    });
    let (from, call) = asked.unwrap();
    engines[2].reply(at(600), from, call, Ok(Payload::raw(b"done")));
    let told = talk(&mut engines, 650);
    assert!(told.contains(&Output::Reply { ticket, result: Ok(Payload::raw(b"done")) }));
}

#[test]
fn a_restarted_node_does_not_execute_what_its_last_life_was_asked() {
    let mut engines = [engine(1, 1, 1), engine(2, 1, 2)];
    engines[1].serve(["work".to_owned()]);
    talk(&mut engines, 500);
    let ticket = engines[0].request(at(500), request(Target::Node(NodeId(2)))).unwrap();
    // What was asked never reaches the first life.
    engines[0].outputs.clear();
    engines[1] = engine(2, 2, 22);
    engines[1].serve(["work".to_owned()]);
    let told = talk(&mut engines, 2_000);
    assert!(told.contains(&Output::Reply { ticket, result: Err(RequestError::NodeDown(NodeId(2))) }));
    assert!(!told.iter().any(|output| matches!(output, Output::Request { .. })));
}

#[test]
fn a_node_whose_epoch_is_behind_passes_what_the_cluster_knows() {
    let mut engines = [engine(1, 1, 1), engine(2, 40, 2)];
    talk(&mut engines, 500);
    // Without its disk it begins at the first epoch again.
    engines[1] = engine(2, 1, 3);
    let told = talk(&mut engines, 2_000);
    assert_eq!(engines[1].me.epoch, 41);
    assert!(told.contains(&Output::StoreEpoch(41)));
    assert_eq!(engines[0].present().collect::<Vec<_>>(), [NodeId(2)]);
}

#[test]
fn a_node_of_which_only_ends_were_heard_is_no_member() {
    let mut engines = [engine(1, 1, 1), engine(2, 1, 2)];
    talk(&mut engines, 500);
    for epoch in [1, 2] {
        let identity = Identity { node: NodeId(9), epoch, boot: epoch };
        let over = MemberState { identity, incarnation: 0, standing: Standing::Down };
        engines[0].take_view(Moment(500_000), NodeId(2), &[over], &[], false);
    }
    engines[0].learn_record(Moment(500_000), engine(9, 2, 2).record, NodeId(2));
    assert_eq!(engines[0].present().collect::<Vec<_>>(), [NodeId(2)]);
    // Without its disk it comes back under an epoch that is behind both, of which only their ends are known.
    let mut engines = [engines.into_iter().next().unwrap(), engine(9, 1, 0)];
    talk(&mut engines, 2_000);
    assert_eq!((engines[1].me.epoch, engines[0].present().last()), (3, Some(NodeId(9))));
}

#[test]
fn another_process_with_the_same_key_is_counted_and_not_answered_for_ever() {
    let mut engines = [engine(1, 1, 1), engine(2, 1, 2), engine(2, 1, 3)];
    engines[2].settings.addresses = vec![Address("sim:3".to_owned())];
    engines[2].record.addresses = engines[2].settings.addresses.clone();
    talk(&mut engines, 60_000);
    let renewed = engines[1].counts().renewed + engines[2].counts().renewed;
    assert!((1..40).contains(&renewed), "{renewed} renewals in a minute");
}

#[test]
fn frames_of_other_clusters_and_garbage_are_counted() {
    let mut engine = engine(1, 1, 1);
    engine.receive(at(0), None, None, b"garbage");
    let mut other = self::engine(2, 1, 2);
    other.cluster ^= 1;
    other.send_to_address(None, Address("sim:1".to_owned()), Body::Ping(1));
    let bytes = other.outputs.iter().find_map(|output| match output {
        Output::Transmit { bytes, .. } => Some(bytes.clone()),
        _ => None,
    });
    engine.receive(at(0), None, None, &bytes.unwrap());
    assert_eq!((engine.counts().malformed, engine.counts().foreign), (1, 1));
}

#[test]
fn whoever_finds_nobody_founds_a_cluster_unless_told_not_to() {
    let founds = |founding: Founding| {
        let mut engine = engine(2, 1, 2);
        engine.settings.founding = founding;
        engine.tasks = Agenda::default();
        engine.begin(Moment(0));
        talk(&mut [engine], 5_000).contains(&Output::Founded)
    };
    use super::super::settings::Founding;
    assert!(founds(Founding::IfNobodyAnswers) && founds(Founding::AtOnce));
    assert!(!founds(Founding::Never));
}

#[test]
fn whoever_has_left_takes_no_more_calls() {
    let mut engines = [engine(1, 1, 1), engine(2, 1, 2)];
    talk(&mut engines, 500);
    engines[1].leave(at(500));
    assert_eq!(engines[1].emit(at(500), "e", &Payload::default(), false), Err(CallError::Left));
    let told = talk(&mut engines, 2_000);
    assert!(told.contains(&Output::HasLeft));
    let left = |output: &&Output| matches!(output, Output::Member { change: Change::Left, .. });
    assert_eq!(told.iter().filter(left).count(), 1);
}

/// Two nodes that know each other, and who the second is.
fn acquainted() -> ([Engine; 2], Identity) {
    let mut engines = [engine(1, 1, 1), engine(2, 1, 2)];
    engines[1].serve(["work".to_owned()]);
    talk(&mut engines, 500);
    let second = engines[1].me;
    (engines, second)
}

fn changes(engine: &mut Engine) -> Vec<Change> {
    let outputs = std::iter::from_fn(|| engine.next_output());
    let change = |output| if let Output::Member { change, .. } = output { Some(change) } else { None };
    outputs.filter_map(change).collect()
}

#[test]
fn who_was_suspected_and_begins_anew_is_suspected_no_more() {
    let (mut engines, old) = acquainted();
    for new in [Identity { epoch: 2, ..old }, Identity { epoch: 2, boot: 22, ..old }] {
        let engine = &mut engines[0];
        engine.peers.get_mut(NodeId(2)).unwrap().identity = old;
        engine.take_notice(Moment(600_000), Notice::Suspected(old), None);
        assert_eq!(engine.peers.get(NodeId(2)).unwrap().standing, Standing::Suspect);
        engine.take_notice(Moment(600_000), Notice::Replaced { old, new }, None);
        assert_eq!(engine.peers.get(NodeId(2)).unwrap().standing, Standing::Alive);
    }
}

#[test]
fn a_process_that_ends_before_it_was_told_of_is_told_as_the_failure_of_the_one_before() {
    let (mut engines, old) = acquainted();
    let (new, engine) = (Identity { epoch: 2, boot: 22, ..old }, &mut engines[0]);
    engine.take_notice(Moment(600_000), Notice::Replaced { old, new }, None);
    engine.take_notice(Moment(600_000), Notice::Down(new), None);
    assert_eq!(changes(engine), [Change::Failed]);
    engine.take_notice(Moment(600_000), Notice::Down(new), None);
    assert!(changes(engine).is_empty());
}

#[test]
fn that_an_earlier_life_left_says_nothing_of_a_later_one() {
    let (mut engines, old) = acquainted();
    let (new, engine) = (Identity { epoch: 2, boot: 22, ..old }, &mut engines[0]);
    engine.learn_leaving(Moment(600_000), NodeId(2), old);
    assert_eq!(engine.peers.dead().count(), 0);
    engine.take_notice(Moment(600_000), Notice::Replaced { old, new }, None);
    assert_eq!(engine.peers.dead().count(), 1, "it is looked for");
}

#[test]
fn an_address_of_this_node_leads_to_no_other() {
    let mut engine = engine(1, 1, 1);
    let both = Address("tcp://127.0.0.1:60858".to_owned());
    engine.settings.addresses.push(both.clone());
    let mut other = self::engine(2, 1, 2).record;
    other.addresses.insert(0, both);
    let alive = MemberState { identity: other.identity, incarnation: 0, standing: Standing::Alive };
    engine.take_view(Moment(0), NodeId(2), &[alive], &[], false);
    engine.learn_record(Moment(0), other, NodeId(2));
    assert_eq!(engine.peers.addresses(NodeId(2))[..], [Address("sim:2".to_owned())]);
}

#[test]
fn what_is_more_than_a_frame_of_records_comes_in_several() {
    let mut engines: Vec<Engine> = (1..=12).map(|node| engine(node, 1, node as u64)).collect();
    for engine in &mut engines {
        engine.settings.frame_bytes = 4 << 10;
        engine.record.info.insert("about".to_owned(), "x".repeat(300));
    }
    talk(&mut engines, 5_000);
    assert!(engines.iter().all(|engine| engine.size() == 12));
    let Body::Welcome { records, members, .. } = engines[0].welcome(None) else { unreachable!() };
    assert!(records.len() < 12 && members.len() == 12, "{} records", records.len());
}

#[test]
fn what_must_not_be_lost_waits_for_handlers_that_are_behind() {
    let (mut engines, _) = acquainted();
    engines[1].set_congested(true);
    let ticket = engines[0]
        .emit_acked(at(500), "e", &Payload::default(), Policy::All, Duration::from_secs(20))
        .unwrap();
    let arrived = |told: &[Output]| told.iter().any(|output| matches!(output, Output::Event { .. }));
    let is_met = |told: &[Output]| {
        told.iter()
            .any(|output| matches!(output, Output::Outcome { ticket: of, is_met: true, .. } if *of == ticket))
    };
    let told = talk(&mut engines, 1_500);
    assert!(!arrived(&told) && !is_met(&told));
    engines[1].set_congested(false);
    let told = talk(&mut engines, 8_000);
    assert!(arrived(&told) && is_met(&told));
}

fn has_left(told: &[Output]) -> bool {
    told.contains(&Output::HasLeft)
}

#[test]
fn whoever_leaves_ends_what_its_handlers_are_at() {
    let (mut engines, _) = acquainted();
    let ticket = engines[0].request(at(500), request(Target::Node(NodeId(2)))).unwrap();
    let told = talk(&mut engines, 550);
    let asked = told.iter().find_map(|output| match output {
        Output::Request { from, call, .. } => Some((*from, *call)),
        _ => None,
    });
    engines[1].leave(at(550));
    assert!(!has_left(&talk(&mut engines, 800)));
    let (from, call) = asked.unwrap();
    engines[1].reply(at(800), from, call, Ok(Payload::raw(b"done")));
    let told = talk(&mut engines, 3_000);
    assert!(told.contains(&Output::Reply { ticket, result: Ok(Payload::raw(b"done")) }));
    assert!(has_left(&told));
}

#[test]
fn whoever_leaves_hands_over_what_only_it_has() {
    let (mut engines, _) = acquainted();
    let key = shared::register("data", "k");
    engines[1].set(at(500), key.clone(), Some(b"v"), (Write::Local, Duration::ZERO));
    // It is lost on the way.
    engines[1].outputs.clear();
    engines[1].leave(at(500));
    assert!(has_left(&talk(&mut engines, 5_000)));
    assert_eq!(engines[0].get(&key), Some(&b"v"[..]));
}
