//! Streams: order, no repetition, bounds.

use std::time::Duration;

use proptest::prelude::*;

use super::super::dice::Dice;
use super::super::identity::{Identity, NodeId};
use super::super::time::Moment;
use super::incoming::Incoming;
use super::outgoing::{Full, Outgoing, Sending};
use super::requests::{Candidate, Request, Requests, Target};
use super::streams::Streams;
use super::*;

fn event(number: u64) -> Message {
    Message::Event { name: "e".to_owned(), payload: Payload::raw(&number.to_be_bytes()) }
}

fn number(message: &Message) -> u64 {
    match message {
        Message::Event { payload, .. } => u64::from_be_bytes(payload.data.0.clone().try_into().unwrap()),
        _ => unreachable!("only events were sent"),
    }
}

fn identity(node: u128, boot: u64) -> Identity {
    Identity { node: NodeId(node), epoch: 1, boot }
}

fn at(millis: u64) -> Moment {
    Moment(millis * 1_000)
}

const FAR: Moment = Moment(u64::MAX / 2);

proptest! {
    #[test]
    fn the_sure_stream_delivers_all_in_order_and_once_through_any_network(
        seed in any::<u64>(),
        count in 1_u64..60,
        loss in 0_u32..700_000,
    ) {
        let (mut dice, limits) = (Dice::new(seed), QueueLimits { window: 8, ..QueueLimits::default() });
        let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::default());
        for sent in 0..count {
            outgoing.sure(event(sent), FAR, Some(Ticket(sent)), &limits).unwrap();
        }
        let (mut flying, mut got, mut acked) = (Vec::new(), Vec::new(), 0);
        for round in 0..100_000 {
            let now = at(round * 50);
            flying.extend(outgoing.pump(now, &limits));
            flying.extend(outgoing.tick(now));
            for _ in 0..dice.below(6).min(flying.len()) {
                let sending = flying.swap_remove(dice.below(flying.len()));
                if dice.per_million(loss) {
                    continue;
                }
                let Carried::Sure { seq, base, message } = sending.carried else { unreachable!() };
                got.extend(incoming.sure(seq, base, message).iter().map(number));
                if let Carried::Ack { next, held, .. } = incoming.ack(0)
                    && !dice.per_million(loss)
                {
                    outgoing.acked(now, next, &held);
                }
            }
            let settled = outgoing.take_settled();
            prop_assert!(settled.iter().all(|(_, delivery)| *delivery == Delivery::Acked));
            acked += settled.len();
            if outgoing.is_idle() {
                break;
            }
        }
        prop_assert_eq!(got, (0..count).collect::<Vec<_>>());
        prop_assert_eq!(acked as u64, count);
    }

    #[test]
    fn the_fast_stream_never_repeats_or_goes_back(seed in any::<u64>(), count in 1_u64..60) {
        let (mut dice, mut incoming) = (Dice::new(seed), Incoming::default());
        let mut flying: Vec<u64> = (1..=count).chain((1..=count).filter(|seq| seq % 3 == 0)).collect();
        let mut got = Vec::new();
        let mut now = 0;
        while !flying.is_empty() {
            now += 30;
            let seq = flying.swap_remove(dice.below(flying.len().min(4)));
            got.extend(incoming.fast(at(now), seq, event(seq)).iter().map(number));
            got.extend(incoming.tick(at(now)).iter().map(number));
        }
        got.extend(incoming.tick(at(now + 1_000)).iter().map(number));
        prop_assert!(got.is_sorted_by(|one, next| one < next), "{:?}", got);
    }
}

#[test]
fn a_message_that_was_given_up_does_not_hold_up_the_others() {
    let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::default());
    let limits = QueueLimits::default();
    outgoing.sure(event(1), at(1_000), Some(Ticket(1)), &limits).unwrap();
    outgoing.sure(event(2), FAR, Some(Ticket(2)), &limits).unwrap();
    // The first is lost, the second arrives and waits.
    let mut sent = outgoing.pump(at(0), &limits);
    let Carried::Sure { seq, base, message } = sent.remove(1).carried else { unreachable!() };
    assert!(incoming.sure(seq, base, message).is_empty());
    let again = outgoing.tick(at(1_000));
    assert_eq!(outgoing.take_settled(), [(Ticket(1), Delivery::TimedOut)]);
    let [sending] = &again[..] else { panic!("only the second is sent again") };
    let Carried::Sure { seq, base, message } = sending.carried.clone() else { unreachable!() };
    assert_eq!(incoming.sure(seq, base, message).iter().map(number).collect::<Vec<_>>(), [2]);
}

#[test]
fn full_queues_do_what_their_policy_says() {
    let limits = |overflow| QueueLimits { messages: 2, window: 1, overflow, ..QueueLimits::default() };
    let fill = |overflow| {
        let mut outgoing = Outgoing::default();
        for ticket in 1..=2 {
            outgoing.sure(event(ticket), FAR, Some(Ticket(ticket)), &limits(overflow)).unwrap();
        }
        // The first is on its way and cannot be dropped any more.
        outgoing.pump(at(0), &limits(overflow));
        let third = outgoing.sure(event(3), FAR, Some(Ticket(3)), &limits(overflow));
        (third, outgoing.take_settled(), outgoing.dropped())
    };
    assert_eq!(fill(Overflow::Block), (Err(Full), vec![], 0));
    assert_eq!(fill(Overflow::DropNew), (Ok(()), vec![(Ticket(3), Delivery::Dropped)], 1));
    assert_eq!(fill(Overflow::DropOld), (Ok(()), vec![(Ticket(2), Delivery::Dropped)], 1));
}

#[test]
fn bytes_are_bounded_too() {
    let limits = QueueLimits { bytes: 500, ..QueueLimits::default() };
    let mut outgoing = Outgoing::default();
    let large = Message::Event { name: "e".to_owned(), payload: Payload::raw(&[0; 400]) };
    assert_eq!(outgoing.sure(large.clone(), FAR, None, &limits), Ok(()));
    assert_eq!(outgoing.sure(large, FAR, None, &limits), Err(Full));
}

#[test]
fn a_new_life_of_the_sender_begins_anew_and_one_of_the_receiver_too() {
    let mut sender = Streams::new(1, QueueLimits::default());
    let mut receiver = Streams::new(9, QueueLimits::default());
    let send = |sender: &mut Streams, boot: u64, receiver: &mut Streams, value: u64| {
        sender.sure(at(0), NodeId(2), event(value), FAR, None).unwrap();
        for (_, sending) in sender.take_sending() {
            receiver.receive(at(0), identity(1, boot), sending.carried);
        }
        for (_, sending) in receiver.take_sending() {
            sender.receive(at(0), identity(2, 9), sending.carried);
        }
        receiver.take_arrived().iter().map(|(_, message)| number(message)).collect::<Vec<_>>()
    };
    assert_eq!(send(&mut sender, 1, &mut receiver, 1), [1]);
    let mut restarted = Streams::new(2, QueueLimits::default());
    assert_eq!(send(&mut restarted, 2, &mut receiver, 2), [2]);
    let mut fresh = Streams::new(10, QueueLimits::default());
    assert_eq!(send(&mut restarted, 2, &mut fresh, 3), [3]);
}

#[test]
fn what_waits_for_a_node_that_goes_ends_and_its_numbers_go_on() {
    let mut streams = Streams::new(1, QueueLimits::default());
    streams.sure(at(0), NodeId(2), event(1), FAR, Some(Ticket(1))).unwrap();
    streams.give_up(NodeId(2), Delivery::Gone);
    assert_eq!(streams.take_settled(), [(NodeId(2), Ticket(1), Delivery::Gone)]);
    assert_eq!(streams.next_due(), None);
    streams.take_sending();
    streams.sure(at(0), NodeId(2), event(2), FAR, None).unwrap();
    let [(_, sending)] = &streams.take_sending()[..] else { panic!("one is sent") };
    assert!(matches!(sending.carried, Carried::Sure { seq: 2, base: 2, .. }));
}

fn request(target: Target, idempotent: bool) -> Request {
    let patience = Duration::from_secs(1);
    Request { target, name: "work".to_owned(), payload: Payload::default(), patience, idempotent }
}

fn candidate(node: u128) -> Candidate {
    Candidate { node: NodeId(node), weight: 1, is_here: false, is_suspect: false }
}

#[test]
fn instances_are_picked_by_health_place_load_and_weight() {
    let (mut requests, mut dice) = (Requests::default(), Dice::new(1));
    let pick =
        |requests: &Requests, dice: &mut Dice, all: &[Candidate]| requests.pick(all, &[], dice).unwrap().0;
    let suspect = Candidate { is_suspect: true, is_here: true, ..candidate(1) };
    assert_eq!(pick(&requests, &mut dice, &[suspect, candidate(2)]), 2);
    let here = Candidate { is_here: true, ..candidate(3) };
    assert_eq!(pick(&requests, &mut dice, &[candidate(2), here]), 3);
    requests.begin(Ticket(1), request(Target::Service("s".to_owned()), false), at(1_000));
    requests.was_sent_to(Ticket(1), NodeId(2));
    assert_eq!(pick(&requests, &mut dice, &[candidate(2), candidate(4)]), 4);
    // Two requests at one that takes three times as many are less than one at the other.
    requests.begin(Ticket(2), request(Target::Service("s".to_owned()), false), at(1_000));
    requests.was_sent_to(Ticket(2), NodeId(4));
    let strong = Candidate { weight: 3, ..candidate(2) };
    assert_eq!(pick(&requests, &mut dice, &[strong, candidate(4)]), 2);
}

#[test]
fn only_what_may_be_executed_twice_goes_to_another() {
    let mut requests = Requests::default();
    let service = || Target::Service("s".to_owned());
    for (ticket, idempotent) in [(1, false), (2, true)] {
        requests.begin(Ticket(ticket), request(service(), idempotent), at(1_000));
        requests.was_sent_to(Ticket(ticket), NodeId(7));
    }
    let down = || RequestError::NodeDown(NodeId(7));
    assert_eq!(requests.fail(Ticket(1), down(), false), None);
    assert_eq!(requests.fail(Ticket(2), down(), false), Some(Ticket(2)));
    assert_eq!(requests.take_ended(), [(Ticket(1), Err(down()))]);
    // Whoever has no such handler has surely not executed it.
    requests.begin(Ticket(3), request(service(), false), at(1_000));
    requests.was_sent_to(Ticket(3), NodeId(7));
    assert_eq!(requests.answered(Ticket(3), NodeId(7), Answer::NoResponders), Some(Ticket(3)));
}

#[test]
fn requests_end_by_their_deadline_and_late_answers_go_nowhere() {
    let mut requests = Requests::default();
    requests.begin(Ticket(1), request(Target::Node(NodeId(7)), false), at(1_000));
    requests.was_sent_to(Ticket(1), NodeId(7));
    requests.tick(at(999));
    assert!(requests.take_ended().is_empty());
    requests.tick(at(1_000));
    assert_eq!(requests.take_ended(), [(Ticket(1), Err(RequestError::Deadline))]);
    assert_eq!(requests.answered(Ticket(1), NodeId(7), Answer::Reply(Payload::default())), None);
    assert!(requests.take_ended().is_empty());
}

/// Hands over what is carried; the numbers of the events that can be handed on.
fn arrives(incoming: &mut Incoming, sending: &Sending) -> Vec<u64> {
    let Carried::Sure { seq, base, message } = sending.carried.clone() else { unreachable!() };
    incoming.sure(seq, base, message).iter().map(number).collect()
}

fn acknowledge(outgoing: &mut Outgoing, now: Moment, incoming: &Incoming) {
    let Carried::Ack { next, held, .. } = incoming.ack(0) else { unreachable!() };
    outgoing.acked(now, next, &held);
}

#[test]
fn what_is_held_comes_when_what_it_waits_for_is_given_up() {
    let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::default());
    let limits = QueueLimits::default();
    outgoing.sure(event(1), at(200), None, &limits).unwrap();
    outgoing.sure(event(2), FAR, None, &limits).unwrap();
    let sent = outgoing.pump(at(0), &limits);
    assert!(arrives(&mut incoming, &sent[1]).is_empty());
    acknowledge(&mut outgoing, at(1), &incoming);
    let again = outgoing.tick(at(200));
    assert_eq!(again.len(), 1);
    assert_eq!(arrives(&mut incoming, &again[0]), [2]);
    acknowledge(&mut outgoing, at(201), &incoming);
    assert!(outgoing.is_idle() && outgoing.next_due().is_none_or(|due| due > at(60_000)));
}

#[test]
fn a_receiver_that_began_anew_gets_what_its_last_life_held() {
    let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::default());
    let limits = QueueLimits::default();
    (1..=3).for_each(|number| outgoing.sure(event(number), FAR, None, &limits).unwrap());
    let sent = outgoing.pump(at(0), &limits);
    assert!(sent[1..].iter().all(|sending| arrives(&mut incoming, sending).is_empty()));
    acknowledge(&mut outgoing, at(1), &incoming);
    let (mut anew, mut got) = (Incoming::default(), Vec::new());
    for millis in (250..10_000).step_by(50) {
        for sending in outgoing.tick(at(millis)) {
            got.extend(arrives(&mut anew, &sending));
            acknowledge(&mut outgoing, at(millis), &anew);
        }
    }
    assert_eq!(got, [1, 2, 3]);
    assert!(outgoing.is_idle());
}
