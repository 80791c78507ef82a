//! Recorded publications, published again, and recorded states, served again by a stand-in for their owner.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value as Json, json};

use super::found::Pair;
use super::stage::Stage;
use super::{ReplayError, at_their_times, no_bodies};
use crate::connection::{Counters, Place, Publisher, Replyer, Role, SocketError, Sockets};
use crate::launcher::arguments::Options;
use crate::launcher::inputs;
use crate::launcher::recordings::chosen::cell;
use crate::launcher::say::say;
use crate::model::{Checker, Problem, ServiceModel, Side, StateModel, Type};
use crate::recording::{
    Direction, Filter, Kind, Message, Recording, Step, Track, WholeState, Wholes, others_of,
};
use crate::state::{DeltaOwner, DeltaRules, DeltaServer, FullOwner, FullServer, Others, Outlet, StateSocket};
use crate::wire::WorkflowId;

/// Who publishes what a service published over one connection.
pub(super) struct Teller {
    pair: Pair,
    publisher: Publisher,
    counters: Arc<Counters>,
    sent: u64,
    /// Messages that could not be read.
    bad: u64,
}

/// Who stands in for the owner of a state.
pub(super) struct Standing {
    pair: Pair,
    track: Track,
    owner: StandIn,
    counters: Arc<Counters>,
    /// Whole states that are still to come; none before the beginning.
    wholes: Option<Wholes>,
    updates: u64,
    /// Updates that could not be read.
    bad: u64,
}

enum StandIn {
    Delta { owner: Arc<DeltaOwner>, server: Box<DeltaServer> },
    Full { owner: Arc<FullOwner>, server: FullServer },
}

/// Publishes again; whether nothing of it was missing.
pub(super) fn replay(
    recording: &Recording,
    filter: Filter,
    options: &Options,
    stage: &mut Stage,
) -> Result<bool, ReplayError> {
    let filter = filter.direction(Direction::Out);
    let (publishers, states) = told(recording, &filter)?;
    if publishers.is_empty() && states.is_empty() {
        let problem = Problem::new("FILE", "published messages or own states among what is meant", "none");
        let hint = "requests go again with --to; `inspect FILE --summary` shows what there is";
        return Err(problem.with_hint(hint).into());
    }
    open(recording, &publishers, &states, options, stage)?;
    for standing in &mut stage.standings {
        standing.begin(recording, &filter)?;
    }
    stage.stay(options.recordings.wait)?;
    let meant = filter.kind(Kind::Message).kind(Kind::Update);
    at_their_times(recording, &meant, options, stage, tell)?;
    if !stage.was_cut_off {
        for standing in &mut stage.standings {
            standing.tell_wholes_until(meant.ends_at())?;
        }
    }
    stage.stay(options.recordings.stay)?;
    let is_whole = conclude(stage, options)?;
    stage.standings.iter_mut().for_each(|standing| standing.socket_mut().close());
    Ok(is_whole)
}

/// Which connections published, with their topics, and which states there are.
type Told = (BTreeMap<Pair, Option<String>>, BTreeMap<Pair, Option<String>>);

fn told(recording: &Recording, filter: &Filter) -> Result<Told, ReplayError> {
    let (mut publishers, mut states) = Told::default();
    for message in recording.messages(&filter.clone().kind(Kind::Message).kind(Kind::Update).without_bodies())
    {
        let message = message?;
        let known = if message.kind == Kind::Update { &mut states } else { &mut publishers };
        known.entry((message.service, message.connection)).or_insert(message.topic);
    }
    for (run, whole) in recording.whole_states(filter)? {
        if let (Some(service), true) =
            (recording.service_of(run), whole.connection.starts_with("states.out."))
        {
            states.entry((service.name.clone(), whole.connection.into())).or_insert(None);
        }
    }
    Ok((publishers, states))
}

fn open(
    recording: &Recording,
    publishers: &BTreeMap<Pair, Option<String>>,
    states: &BTreeMap<Pair, Option<String>>,
    options: &Options,
    stage: &mut Stage,
) -> Result<(), ReplayError> {
    let bind = &options.recordings.bind;
    if !bind.is_empty() && publishers.len() + states.len() > 1 {
        let all = publishers.keys().chain(states.keys());
        let names: Vec<_> = all.map(|(service, name)| format!("{service} {name}")).collect();
        let problem = Problem::new("--bind", "one publisher or state to bind", names.join(", "));
        return Err(problem.with_hint("say which by --service and --connection").into());
    }
    let mut problems = Vec::new();
    for (pair, topic) in publishers {
        match address(recording, pair, "publisher", bind.first()) {
            Ok(address) => {
                stage.tellers.push(Teller::open(pair, &address, topic.as_deref(), &stage.sockets)?)
            }
            Err(problem) => problems.push(problem),
        }
    }
    for (pair, topic) in states {
        let place = |socket: &str, place: usize| {
            let given = if bind.is_empty() { None } else { Some(bind.get(place)) };
            match given {
                Some(None) => {
                    Err(Problem::missing("--bind", format!("a second address, where {} answers", pair.1)))
                }
                given => address(recording, pair, socket, given.flatten()),
            }
        };
        let is_full = recording.is_full(&pair.0, &pair.1)?;
        let replyer = if is_full { Ok(None) } else { place("replyer", 1).map(Some) };
        match (place("publisher", 0), replyer) {
            (Ok(publisher), Ok(replyer)) => {
                let model = model_of(recording, pair, is_full, topic.as_deref());
                let standing = Standing::open(pair, &model, (&publisher, replyer.as_deref()), stage)?;
                stage.standings.push(standing);
            }
            (publisher, replyer) => problems.extend(publisher.err().into_iter().chain(replyer.err())),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ReplayError::Wrong(problems)) }
}

/// Where something binds again: where it is told to, or where it did.
fn address(
    recording: &Recording,
    (service, connection): &Pair,
    socket: &str,
    given: Option<&String>,
) -> Result<String, Problem> {
    if let Some(given) = given {
        return Ok(inputs::endpoint("--bind", given)?.bind_text(false));
    }
    // Where something listens has no word of its own for states.
    let name = format!("{}.{socket}", connection.strip_prefix("states.").unwrap_or(connection));
    let runs = recording.services().iter().filter(|run| run.name == *service);
    let listens = runs.filter_map(|run| run.listens.as_ref()?.get(&name)?.as_str()).next();
    listens.map(str::to_owned).ok_or_else(|| {
        let problem =
            Problem::new("FILE", format!("where {connection} of {service} listened"), "nothing of it");
        problem.with_hint(
            "it connected to others, or was cut off early; say where it is to be by --bind ADDRESS",
        )
    })
}

/// The model of a state as it was recorded, or of one that holds anything.
fn model_of(
    recording: &Recording,
    (service, connection): &Pair,
    is_full: bool,
    topic: Option<&str>,
) -> StateModel {
    let name = connection.strip_prefix("states.out.").unwrap_or(connection);
    let runs = recording.services().iter().filter(|run| run.name == *service);
    let models = runs.filter_map(|run| ServiceModel::from_json(run.model.as_ref()?, None).ok());
    let mut known = models.flat_map(|model| model.states_on(Side::Out).cloned().collect::<Vec<_>>());
    let model = known.find(|model| model.name == name).unwrap_or_else(|| match is_full {
        true => StateModel::full_out(name).anything(),
        false => StateModel::delta_out(name, Type::Any),
    });
    match topic {
        Some(topic) => model.topic(topic),
        None => model,
    }
}

/// Tells this run from those before.
fn epoch() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

impl Teller {
    fn open(pair: &Pair, address: &str, topic: Option<&str>, sockets: &Sockets) -> Result<Self, SocketError> {
        let counters = Arc::<Counters>::default();
        let place = Place::Bind(address.to_owned());
        let publisher =
            Publisher::open(sockets, Role::Publish, &pair.1, &place, topic, epoch(), counters.clone())?;
        let at = publisher.endpoint.as_deref().unwrap_or(address);
        say!("publishing at {at} what {} published over {}", cell(&pair.0), cell(&pair.1));
        Ok(Self { pair: pair.clone(), publisher, counters, sent: 0, bad: 0 })
    }
}

impl Standing {
    fn open(
        pair: &Pair,
        model: &StateModel,
        (publisher, replyer): (&str, Option<&str>),
        stage: &Stage,
    ) -> Result<Self, ReplayError> {
        let (counters, place) = (Arc::<Counters>::default(), Place::Bind(publisher.to_owned()));
        let role = if replyer.is_some() { Role::Publish } else { Role::PublishWatched };
        let topic = model.topic.as_deref();
        let publisher =
            Publisher::open(&stage.sockets, role, &pair.1, &place, topic, epoch(), counters.clone())?;
        let at = publisher.endpoint.clone().unwrap_or_default();
        let owner = match replyer {
            Some(address) => {
                let rules = DeltaRules::compile(model).map_err(ReplayError::Wrong)?;
                let owner = DeltaOwner::new(&model.name, rules, epoch(), false, stage.wake.clone());
                let owner = Arc::new(owner);
                let replyer = Replyer::bind_for_large(&stage.sockets, &pair.1, address, counters.clone())?;
                say!(
                    "{} of {}: published at {at}, answered at {}",
                    cell(&pair.1),
                    cell(&pair.0),
                    replyer.endpoint
                );
                owner.open(Outlet::Socket(publisher));
                let server = DeltaServer::new(owner.clone(), replyer, counters.clone(), stage.wake.clone());
                StandIn::Delta { owner, server: Box::new(server) }
            }
            None => {
                let rules = Checker::of_update(model).map_err(ReplayError::Wrong)?;
                let owner = Arc::new(FullOwner::new(&model.name, rules, false, stage.wake.clone()));
                say!("{} of {}: published at {at}", cell(&pair.1), cell(&pair.0));
                let fd = owner.open(publisher)?;
                StandIn::Full { server: FullServer::new(owner.clone(), fd), owner }
            }
        };
        let track = Track::of(replyer.is_none(), false);
        Ok(Self { pair: pair.clone(), track, owner, counters, wholes: None, updates: 0, bad: 0 })
    }

    pub(super) fn socket(&self) -> &dyn StateSocket {
        match &self.owner {
            StandIn::Delta { server, .. } => &**server,
            StandIn::Full { server, .. } => server,
        }
    }

    pub(super) fn socket_mut(&mut self) -> &mut dyn StateSocket {
        match &mut self.owner {
            StandIn::Delta { server, .. } => &mut **server,
            StandIn::Full { server, .. } => server,
        }
    }

    /// Has the state as it was before the first message that is meant.
    fn begin(&mut self, recording: &Recording, meant: &Filter) -> Result<(), ReplayError> {
        let only = Filter::new().service(&*self.pair.0).connection(&*self.pair.1);
        self.wholes = Some(Wholes::of(recording, &only)?);
        while let Some(whole) = self.next_whole(Wholes::first) {
            self.follow(|track| track.whole(&whole));
        }
        if let Some(from) = meant.begin() {
            let before = only.kind(Kind::Update).direction(Direction::Out).until(from);
            for message in recording.messages(&before) {
                let message = message?;
                while let Some(whole) = self.next_whole(|wholes| wholes.next_before(&message)) {
                    self.follow(|track| track.whole(&whole));
                }
                self.follow(|track| track.update(&message));
            }
            while let Some(whole) = self.next_whole(|wholes| wholes.next_until(from.saturating_sub(1))) {
                self.follow(|track| track.whole(&whole));
            }
        }
        self.resume()
    }

    fn next_whole(&mut self, next: impl FnOnce(&mut Wholes) -> Option<WholeState>) -> Option<WholeState> {
        self.wholes.as_mut().and_then(next)
    }

    /// Takes something in that is not told.
    fn follow(&mut self, step: impl FnOnce(&mut Track) -> Result<Step, String>) {
        self.bad += u64::from(step(&mut self.track).is_err());
    }

    fn resume(&mut self) -> Result<(), ReplayError> {
        match &self.owner {
            StandIn::Delta { owner, .. } => {
                if let (_, Some(number)) = self.track.at() {
                    owner.resume(self.track.map().clone(), number);
                }
            }
            StandIn::Full { owner, .. } => {
                if let Some(value) = self.track.to_msgpack() {
                    owner.set(&value, &WorkflowId::new())?;
                }
            }
        }
        Ok(())
    }

    /// Tells the whole states that are left up to a time.
    fn tell_wholes_until(&mut self, time: u64) -> Result<(), ReplayError> {
        while let Some(whole) = self.next_whole(|wholes| wholes.next_until(time)) {
            self.tell_whole(&whole)?;
        }
        Ok(())
    }

    fn tell_whole(&mut self, whole: &WholeState) -> Result<(), ReplayError> {
        let step = self.track.whole(whole);
        self.apply(step, &Others::default(), &WorkflowId::new())
    }

    fn update(&mut self, message: &Message) -> Result<(), ReplayError> {
        while let Some(whole) = self.next_whole(|wholes| wholes.next_before(message)) {
            self.tell_whole(&whole)?;
        }
        self.updates += 1;
        let step = self.track.update(message);
        self.apply(step, &others_of(message), &workflow(message))
    }

    fn apply(
        &mut self,
        step: Result<Step, String>,
        others: &Others,
        workflow: &WorkflowId,
    ) -> Result<(), ReplayError> {
        match (step, &self.owner) {
            (Ok(Step::Known), _) => {}
            (Ok(Step::Changes(changes)), StandIn::Delta { owner, .. }) => {
                owner.change(&changes, others, None, workflow)?;
            }
            (Ok(Step::Whole(state)), StandIn::Delta { owner, .. }) => {
                owner.replace(&state, others, workflow)?
            }
            (Ok(Step::Whole(state)), StandIn::Full { owner, .. }) => owner.set(&state, workflow)?,
            (Ok(Step::Changes(_)), StandIn::Full { .. }) | (Err(_), _) => self.bad += 1,
        }
        Ok(())
    }
}

/// The id that a message had.
fn workflow(message: &Message) -> WorkflowId {
    let raw = message.envelope().and_then(|envelope| envelope.workflow_id);
    raw.and_then(WorkflowId::from_raw).unwrap_or_else(WorkflowId::new)
}

fn tell(stage: &mut Stage, message: Message) -> Result<(), ReplayError> {
    if message.body.is_none() {
        return Err(no_bodies().into());
    }
    let is_its = |pair: &Pair| (&pair.0, &pair.1) == (&message.service, &message.connection);
    if let Some(standing) = stage.standings.iter_mut().find(|standing| is_its(&standing.pair)) {
        return standing.update(&message);
    }
    let teller = stage.tellers.iter_mut().find(|teller| is_its(&teller.pair));
    match (teller, message.arguments_as_msgpack()) {
        (Some(teller), Some(args)) => {
            teller.publisher.publish(args, &workflow(&message))?;
            teller.sent += 1;
        }
        (Some(teller), None) => teller.bad += 1,
        (None, _) => {}
    }
    Ok(())
}

/// Says what was done; whether nothing was missing.
fn conclude(stage: &Stage, options: &Options) -> Result<bool, ReplayError> {
    let mut stdout = std::io::stdout().lock();
    let mut is_whole = true;
    for Teller { pair, sent, bad, counters, .. } in &stage.tellers {
        let dropped = counters.dropped.get();
        let counts = json!({ "messages": sent, "bad": bad, "dropped": dropped });
        writeln!(stdout, "{}", said(pair, options.json, counts))?;
        is_whole &= dropped == 0 && *bad == 0;
    }
    for Standing { pair, track, updates, bad, counters, .. } in &stage.standings {
        let (dropped, number) = (counters.dropped.get(), track.at().1);
        let counts = json!({
            "updates": updates,
            "number": number,
            "missing": track.missing(),
            "bad": bad,
            "dropped": dropped,
        });
        writeln!(stdout, "{}", said(pair, options.json, counts))?;
        is_whole &= track.missing() == 0 && *bad == 0 && dropped == 0;
    }
    Ok(is_whole)
}

fn said((service, connection): &Pair, is_json: bool, mut counts: Json) -> String {
    if is_json {
        counts["service"] = (&**service).into();
        counts["connection"] = (&**connection).into();
        return counts.to_string();
    }
    let counts = counts.as_object().into_iter().flatten();
    let shown = counts.filter(|(_, count)| !count.is_null()).map(|(name, count)| format!("{name} {count}"));
    format!("{} {}: {}", cell(service), cell(connection), shown.collect::<Vec<_>>().join(", "))
}
