//! The failure detector over foca, with what foca leaves to others: local health, the size of the cluster, and what is
//! suspected.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

use foca::{
    Codec, Config, Foca, Header, Member, Message, NoCustomBroadcast, OwnedNotification, Runtime, State, Timer,
};

use super::super::dice::Dice;
use super::super::identity::{Identity, NodeId};
use super::super::time::{Agenda, Moment};
use super::codec::{Fixed, MEMBER};
use super::health::Health;
use super::seen::Seen;
use super::{Detection, MemberState, Membership, Notice, Refused, Standing};

/// Bytes of a datagram: what passes everywhere in one piece, and is full to the last byte with members.
const PACKET: usize = 34 * MEMBER;

/// News at once that are passed on. More are a view of a cluster, and views are compared anyhow.
const PASSED_ON: usize = 64;

/// How long those who are down are remembered by foca; their addresses are for ever.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// A suspicion that is looked after here, since foca does so only for its own: whoever raised one that came by others may be gone.
#[derive(Clone, Copy)]
struct Doubt {
    identity: Identity,
    incarnation: u16,
    /// Its member has been asked whether it lives.
    is_asked: bool,
}

/// What one call of foca asked for.
#[derive(Default)]
struct Asked {
    sent: Vec<(Identity, Vec<u8>)>,
    timers: Vec<(Timer<Identity>, Duration)>,
    told: Vec<OwnedNotification<Identity>>,
}

impl Runtime<Identity> for Asked {
    fn notify(&mut self, notification: foca::Notification<'_, Identity>) {
        self.told.push(notification.to_owned());
    }

    fn send_to(&mut self, to: Identity, data: &[u8]) {
        self.sent.push((to, data.to_owned()));
    }

    fn submit_after(&mut self, event: Timer<Identity>, after: Duration) {
        self.timers.push((event, after));
    }
}

/// A datagram with what is new in it.
struct News {
    bytes: Vec<u8>,
    /// What foca will have been told then.
    told: Vec<u64>,
    header: Header<Identity>,
}

pub(crate) struct Swim {
    foca: Foca<Identity, Fixed, Dice, NoCustomBroadcast>,
    detection: Detection,
    timers: Agenda<Timer<Identity>>,
    notices: VecDeque<Notice>,
    health: Health,
    /// Who is being probed, and whether anybody has answered.
    probed: Option<(Identity, bool)>,
    suspects: BTreeMap<NodeId, Identity>,
    doubts: Agenda<Doubt>,
    /// Something came in that may have changed who is suspected.
    is_stirred: bool,
    /// What foca has been told already, and need not look for among its members.
    seen: Seen,
    /// For how many members, and which doubt of itself, the waiting times are.
    tuned_for: (usize, u32),
}

impl Swim {
    pub(crate) fn new(identity: Identity, detection: Detection, dice: Dice) -> Self {
        let config = config(&detection, 1, 1);
        let seen = Seen::new(dice.clone().next());
        Self {
            foca: Foca::new(identity, config, dice, Fixed),
            seen,
            detection,
            timers: Agenda::default(),
            notices: VecDeque::new(),
            health: Health::default(),
            probed: None,
            suspects: BTreeMap::new(),
            doubts: Agenda::default(),
            is_stirred: false,
            tuned_for: (1, 1),
        }
    }

    fn absorb(&mut self, now: Moment, asked: Asked) {
        self.absorb_timers(now, asked.timers);
        for (to, bytes) in asked.sent {
            self.absorb_sent(to, bytes);
        }
        for told in asked.told {
            self.absorb_told(told);
        }
        self.tell_suspects(now);
        self.tune();
    }

    /// A node that doubts itself probes more slowly: both timers of a probe come from one call and stay in order.
    fn absorb_timers(&mut self, now: Moment, timers: Vec<(Timer<Identity>, Duration)>) {
        let factor = self.health.factor();
        for (timer, after) in timers {
            let is_of_probe = matches!(timer, Timer::ProbeRandomMember(_) | Timer::SendIndirectProbe { .. });
            self.timers.add(now.after(if is_of_probe { after * factor } else { after }), timer);
        }
    }

    fn absorb_sent(&mut self, to: Identity, bytes: Vec<u8>) {
        // Foca remembers earlier identities of this very node, as members that are down.
        if to.node == self.foca.identity().node {
            return;
        }
        if let Ok(Message::Ping(_)) = Fixed.decode_header(&bytes[..]).map(|header| header.message) {
            self.begin_probe(to);
        }
        self.notices.push_back(Notice::Send { to, bytes });
    }

    fn begin_probe(&mut self, to: Identity) {
        if let Some((_, false)) = self.probed.replace((to, false)) {
            self.health.worse();
        }
        let within = self.detection.timeout * self.health.factor();
        self.notices.push_back(Notice::Probed { to: to.node, within });
    }

    fn absorb_told(&mut self, told: OwnedNotification<Identity>) {
        self.is_stirred |= matches!(told, OwnedNotification::MemberDown(_));
        self.notices.extend(match told {
            OwnedNotification::MemberUp(member) => Some(Notice::Up(member)),
            OwnedNotification::MemberDown(member) => Some(Notice::Down(member)),
            OwnedNotification::Rename(old, new) => Some(Notice::Replaced { old, new }),
            OwnedNotification::Defunct => Some(Notice::GivenUp),
            OwnedNotification::Active | OwnedNotification::Idle | OwnedNotification::Rejoin(_) => None,
        });
    }

    /// Foca says nothing of suspicion, so its members are looked through when something may have changed.
    fn tell_suspects(&mut self, now: Moment) {
        if !std::mem::take(&mut self.is_stirred) {
            return;
        }
        let is_suspect = |member: &&Member<Identity>| member.state() == State::Suspect;
        let suspects: Vec<Member<Identity>> = self.foca.iter_members().filter(is_suspect).cloned().collect();
        let present: BTreeMap<NodeId, Identity> =
            suspects.iter().map(|member| (member.id().node, *member.id())).collect();
        let until = now.after(self.suspicion());
        for member in
            suspects.iter().filter(|member| self.suspects.get(&member.id().node) != Some(member.id()))
        {
            let (identity, incarnation) = (*member.id(), member.incarnation());
            self.doubts.add(until, Doubt { identity, incarnation, is_asked: false });
        }
        let new = present.values().filter(|identity| self.suspects.get(&identity.node) != Some(identity));
        let mut told: Vec<Notice> = new.map(|identity| Notice::Suspected(*identity)).collect();
        let gone = self.suspects.values().filter(|identity| present.get(&identity.node) != Some(identity));
        let cleared = gone.filter(|identity| self.foca.iter_members().any(|member| member.id() == *identity));
        told.extend(cleared.map(|identity| Notice::Cleared(*identity)));
        self.notices.extend(told);
        self.suspects = present;
    }

    /// Times follow the size of the cluster and the health of this node, not at every step of the former.
    fn tune(&mut self) {
        let (size, factor) = (self.foca.num_members() + 1, self.health.factor());
        let is_close = size * 5 >= self.tuned_for.0 * 4 && size * 4 <= self.tuned_for.0 * 5;
        if is_close && factor == self.tuned_for.1 {
            return;
        }
        // Refused only if what cannot change had changed.
        if self.foca.set_config(config(&self.detection, size, factor)).is_ok() {
            self.tuned_for = (size, factor);
        }
    }

    /// What foca does not tell of what it reads; the datagram without what foca has been told already.
    fn look_into(&mut self, bytes: &[u8]) -> Result<News, Refused> {
        let refused = |error: super::codec::CodecError| Refused(error.to_string());
        let mut rest = bytes;
        let header = Fixed.decode_header(&mut rest).map_err(refused)?;
        match header.message {
            Message::Ack(_) => self.was_answered(&header.src),
            Message::ForwardedAck { origin, .. } => {
                self.was_answered(&origin);
                self.notices.push_back(Notice::ReachedByOthers(origin.node));
            }
            _ => {}
        }
        let mut news = News { bytes: bytes.to_vec(), told: Vec::new(), header };
        let Some((count, mut rest)) = rest.split_first_chunk() else { return Ok(news) };
        self.is_stirred |= !self.suspects.is_empty();
        let head = bytes.len() - rest.len();
        let (mut at, mut kept) = (head, head);
        for _ in 0..u16::from_be_bytes(*count) {
            let member = Fixed.decode_member(&mut rest).map_err(refused)?;
            if self.is_to_be_told(&member, &mut news.told) {
                news.bytes.copy_within(at..at + MEMBER, kept);
                kept += MEMBER;
            }
            at += MEMBER;
        }
        let number = u16::try_from((kept - head) / MEMBER).unwrap_or(0);
        news.bytes.drain(kept..at);
        if let Some(count) = news.bytes.get_mut(head - 2..head) {
            count.copy_from_slice(&number.to_be_bytes());
        }
        Ok(news)
    }

    fn is_to_be_told(&mut self, member: &Member<Identity>, told: &mut Vec<u64>) -> bool {
        let me = *self.foca.identity();
        self.is_stirred |= member.state() == State::Suspect;
        if member.state() == State::Suspect && *member.id() == me {
            self.health.worse();
        }
        let new = self.seen.new_of(member);
        told.extend(new);
        member.id().node == me.node || new.is_some()
    }

    /// Whether foca has taken what came behind this header: it does not from those who are down, nor what was for
    /// another life of this node.
    fn has_taken(&self, header: &Header<Identity>) -> bool {
        header.dst == *self.foca.identity()
            && self.foca.iter_members().any(|member| *member.id() == header.src)
    }

    /// How long a suspect has to say that it lives.
    fn suspicion(&self) -> Duration {
        let (size, factor) = (self.foca.num_members() + 1, self.health.factor());
        config(&self.detection, size, factor).suspect_to_down_after
    }

    fn is_suspect(&self, identity: Identity, incarnation: u16) -> bool {
        let is_it = |member: &Member<Identity>| {
            *member.id() == identity
                && member.state() == State::Suspect
                && member.incarnation() == incarnation
        };
        self.foca.iter_members().any(is_it)
    }

    /// The time of a suspect is over, and it has not said that it lives. Foca would drop this timer if this node has changed its
    /// identity meanwhile, and the member would be suspected for ever.
    fn condemn(&mut self, now: Moment, suspect: Identity, incarnation: u16) {
        if self.is_suspect(suspect, incarnation) {
            self.apply_to_foca(now, vec![Member::new(suspect, incarnation, State::Down)]);
        }
    }

    /// A member is still suspected that those should have given up who suspected it first. Perhaps it has never heard of it.
    fn resolve(&mut self, now: Moment, doubt: Doubt) {
        let Doubt { identity, incarnation, is_asked } = doubt;
        if !self.is_suspect(identity, incarnation) {
            return;
        }
        if is_asked {
            return self.condemn(now, identity, incarnation);
        }
        self.doubts.add(now.after(self.suspicion()), Doubt { is_asked: true, ..doubt });
        self.notices.push_back(Notice::Doubted(MemberState {
            identity,
            incarnation,
            standing: Standing::Suspect,
        }));
    }

    fn was_answered(&mut self, by: &Identity) {
        if let Some((probed, answered @ false)) = &mut self.probed
            && probed == by
        {
            *answered = true;
            self.health.better();
        }
    }

    fn apply_to_foca(&mut self, now: Moment, news: Vec<Member<Identity>>) {
        let mut asked = Asked::default();
        let is_passed_on = news.len() <= PASSED_ON;
        // Only encoding can fail, which has room here.
        let applied = self.foca.apply_many(news.into_iter(), is_passed_on, &mut asked);
        debug_assert!(applied.is_ok(), "{applied:?}");
        self.absorb(now, asked);
    }

    /// What others know is taken with care: those whom this node sees alive are not down because somebody on the other
    /// side of a partition says so, and whoever suspects must have asked itself.
    fn news(&mut self, members: &[MemberState]) -> Vec<Member<Identity>> {
        let any_down = members.iter().any(|state| state.standing == Standing::Down);
        let alive: BTreeSet<NodeId> = match any_down {
            true => self.foca.iter_members().map(|member| member.id().node).collect(),
            false => BTreeSet::new(),
        };
        let me = self.foca.identity().node;
        let counts = |state: &&MemberState| match state.standing {
            Standing::Alive => true,
            // Whoever is suspected itself says that it lives.
            Standing::Suspect => state.identity.node == me,
            Standing::Down => !alive.contains(&state.identity.node),
        };
        let mut told = Vec::new();
        let members = members.iter().filter(counts).map(to_foca);
        let news = members.filter(|member| {
            let new = self.seen.new_of(member);
            told.extend(new);
            member.id().node == me || new.is_some()
        });
        let news = news.collect();
        self.seen.note(told);
        news
    }
}

impl Membership for Swim {
    fn receive(&mut self, now: Moment, bytes: &[u8]) -> Result<(), Refused> {
        let News { bytes, told, header } = self.look_into(bytes)?;
        let mut asked = Asked::default();
        let taken = self.foca.handle_data(&bytes, &mut asked);
        if !told.is_empty() && taken.is_ok() && self.has_taken(&header) {
            self.seen.note(told);
        }
        self.absorb(now, asked);
        taken.map_err(|error| Refused(error.to_string()))
    }

    fn apply(&mut self, now: Moment, members: &[MemberState]) {
        let news = self.news(members);
        self.apply_to_foca(now, news);
    }

    fn remove(&mut self, now: Moment, identity: Identity) {
        self.apply_to_foca(now, vec![Member::down(identity)]);
    }

    fn tick(&mut self, now: Moment) {
        let late = self.next_due().map(|due| now.since(due)).unwrap_or_default();
        if self.health.was_called(late) {
            // What came in meanwhile has not been read yet: nobody is condemned for it.
            self.timers.put_off(late);
            self.doubts.put_off(late);
        }
        while let Some((_, timer)) = self.timers.take_due(now) {
            self.is_stirred |= matches!(timer, Timer::ProbeRandomMember(_));
            if matches!(timer, Timer::RemoveDown(_)) {
                // Who is removed may come back under the same identity, which is news then.
                self.seen.forget();
            }
            if let Timer::ChangeSuspectToDown { member_id, incarnation, .. } = timer {
                self.condemn(now, member_id, incarnation);
                continue;
            }
            let mut asked = Asked::default();
            // A probe that was cut short by a change of identity is an error that foca has repaired.
            let _repaired = self.foca.handle_timer(timer, &mut asked);
            self.absorb(now, asked);
        }
        while let Some((_, doubt)) = self.doubts.take_due(now) {
            self.resolve(now, doubt);
        }
    }

    fn next_due(&self) -> Option<Moment> {
        [self.timers.next_due(), self.doubts.next_due()].into_iter().flatten().min()
    }

    fn renew(&mut self, now: Moment, identity: Identity) {
        self.seen.forget();
        let mut asked = Asked::default();
        // The same identity is the only error, and no change.
        let _same = self.foca.change_identity(identity, &mut asked);
        self.absorb(now, asked);
        // Foca begins to probe again only when something is applied.
        self.apply(now, &[]);
    }

    fn leave(&mut self, now: Moment) {
        let mut asked = Asked::default();
        let left = self.foca.leave_cluster(&mut asked);
        debug_assert!(left.is_ok(), "{left:?}");
        asked.told.clear();
        self.absorb(now, asked);
    }

    fn given_up(&self, identity: &Identity) -> Option<u64> {
        let known = self.foca.iter_membership_state().find(|member| member.id().node == identity.node)?;
        let is_down = known.id() == identity && known.state() == State::Down;
        (is_down || known.id().supersedes(identity)).then_some(known.id().epoch)
    }

    fn members(&self) -> Vec<MemberState> {
        let me = self.foca.identity().node;
        self.foca.iter_membership_state().map(from_foca).filter(|state| state.identity.node != me).collect()
    }

    fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }
}

fn to_foca(state: &MemberState) -> Member<Identity> {
    let standing = match state.standing {
        Standing::Alive => State::Alive,
        Standing::Suspect => State::Suspect,
        Standing::Down => State::Down,
    };
    Member::new(state.identity, state.incarnation, standing)
}

fn from_foca(member: &Member<Identity>) -> MemberState {
    let standing = match member.state() {
        State::Alive => Standing::Alive,
        State::Suspect => Standing::Suspect,
        State::Down => Standing::Down,
    };
    MemberState { identity: *member.id(), incarnation: member.incarnation(), standing }
}

/// Waiting times for a cluster of `size` nodes, of a node that doubts itself `factor` times.
fn config(detection: &Detection, size: usize, factor: u32) -> Config {
    let spread = (size.max(1) as f64).log10().max(1.0);
    let rounds = (spread * 6.0).ceil().clamp(6.0, 60.0) as u8;
    Config {
        probe_period: detection.period,
        probe_rtt: detection.timeout,
        num_indirect_probes: NonZeroUsize::new(detection.indirect).unwrap_or(NonZeroUsize::MIN),
        max_transmissions: NonZeroU8::new(rounds).unwrap_or(NonZeroU8::MIN),
        suspect_to_down_after: (detection.period * detection.suspicion).mul_f64(spread) * factor,
        remove_down_after: Some(REMEMBERED),
        max_packet_size: NonZeroUsize::new(PACKET).unwrap_or(NonZeroUsize::MIN),
        // Who is down and does not know it is told by the engine, with the epoch that it must pass.
        notify_down_members: false,
        // Whole views are exchanged by the engine.
        periodic_announce: None,
        periodic_announce_to_down_members: None,
        periodic_gossip: Some(foca::PeriodicParams {
            frequency: detection.gossip,
            num_members: NonZeroUsize::new(3).unwrap_or(NonZeroUsize::MIN),
        }),
    }
}
