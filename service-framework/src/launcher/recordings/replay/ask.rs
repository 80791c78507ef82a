//! Recorded requests, sent again, and what comes back compared with what came back then.

use std::collections::HashSet;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;

use super::found::{self, Pair};
use super::stage::Stage;
use super::{ReplayError, at_their_times, no_bodies};
use crate::connection::{Answer, Counters, Directory, Outgoing, Requester, Targets};
use crate::launcher::arguments::Options;
use crate::launcher::recordings::chosen::cell;
use crate::launcher::say::say;
use crate::model::Problem;
use crate::recording::{
    Difference, Direction, Filter, Ignored, Kind, Message, Recording, answer_differences,
};
use crate::wire::{Envelope, WorkflowId};

/// Requests on their way at once where nothing else sets the pace.
const MOST_OPEN: usize = 100;
/// Differences that are told of one reply.
const MOST_TOLD: usize = 20;

/// Who asks one replyer.
pub(super) struct Asker {
    pair: Pair,
    pub(super) requester: Requester,
    open: Vec<Open>,
}

struct Open {
    answer: oneshot::Receiver<Answer>,
    request: Message,
    recorded: Option<Message>,
}

/// What became of the requests.
#[derive(Debug, Default)]
struct Compared {
    sent: u64,
    same: u64,
    different: u64,
    unanswered: u64,
    /// Those whose reply was not recorded.
    not_compared: u64,
}

/// Sends requests again; whether all replies are as they were.
pub(super) fn replay(
    recording: &Recording,
    filter: Filter,
    to: &str,
    options: &Options,
    stage: &mut Stage,
) -> Result<bool, ReplayError> {
    let filter = filter.kind(Kind::Request).direction(Direction::In);
    let pairs = pairs(recording, &filter)?;
    if pairs.is_empty() {
        let problem = Problem::new("FILE", "requests that came in among the messages that are meant", "none");
        return Err(problem.with_hint("`inspect FILE --summary` shows what there is").into());
    }
    for (pair, address) in found::addresses(to, &pairs).map_err(ReplayError::Wrong)? {
        say!("asking {address} what {} was asked over {}", cell(&pair.0), cell(&pair.1));
        let targets = Targets::new(vec![address], Vec::new(), &Arc::<Directory>::default());
        let name = pair.1.to_string();
        let requester = Requester::connect(&stage.sockets, &name, targets, Arc::<Counters>::default())?;
        stage.askers.push(Asker { pair, requester, open: Vec::new() });
    }
    let mut run = Run {
        recording,
        options,
        ignored: Ignored::new(&options.recordings.ignore),
        compared: Compared::default(),
        used: HashSet::new(),
    };
    at_their_times(recording, &filter, options, stage, |stage, message| run.ask(stage, message))?;
    run.wait(stage, 0)?;
    run.conclude()
}

/// The replyers that were asked.
fn pairs(recording: &Recording, filter: &Filter) -> Result<Vec<Pair>, ReplayError> {
    let mut pairs = std::collections::BTreeSet::new();
    for message in recording.messages(&filter.clone().without_bodies()) {
        let message = message?;
        pairs.insert((message.service, message.connection));
    }
    Ok(pairs.into_iter().collect())
}

struct Run<'a> {
    recording: &'a Recording,
    options: &'a Options,
    ignored: Ignored,
    compared: Compared,
    /// Replies that belong to a request already.
    used: HashSet<i64>,
}

impl Run<'_> {
    fn ask(&mut self, stage: &mut Stage, request: Message) -> Result<(), ReplayError> {
        if request.body.is_none() {
            return Err(no_bodies().into());
        }
        self.take_answers(stage)?;
        self.wait(stage, MOST_OPEN - 1)?;
        let Some(args) = request.arguments_as_msgpack().map(<[u8]>::to_vec) else {
            self.compared.not_compared += 1;
            return Ok(());
        };
        let id = request.envelope().and_then(|envelope| WorkflowId::from_raw(envelope.workflow_id?));
        let recorded = self.recording.reply_to(&request, &self.used)?;
        self.used.extend(recorded.as_ref().map(|reply| reply.id));
        let (answer, answered) = oneshot::channel();
        let now = Instant::now();
        let outgoing = Outgoing {
            args,
            workflow: id.unwrap_or_else(WorkflowId::new),
            began: now,
            within: self.options.recordings.timeout,
            snapshot: None,
            idempotent: false,
            answer,
        };
        let is_its =
            |asker: &&mut Asker| (&asker.pair.0, &asker.pair.1) == (&request.service, &request.connection);
        if let Some(asker) = stage.askers.iter_mut().find(is_its) {
            self.compared.sent += 1;
            asker.requester.start(outgoing, now);
            asker.open.push(Open { answer: answered, request, recorded });
        }
        Ok(())
    }

    /// Waits until so few are open, each at most until its deadline.
    fn wait(&mut self, stage: &mut Stage, most: usize) -> Result<(), ReplayError> {
        loop {
            self.take_answers(stage)?;
            let open: usize = stage.askers.iter().map(|asker| asker.open.len()).sum();
            if open <= most || stage.is_stopped() {
                return Ok(());
            }
            stage.turn(Instant::now() + Duration::from_millis(100))?;
        }
    }

    fn take_answers(&mut self, stage: &mut Stage) -> Result<(), ReplayError> {
        for asker in &mut stage.askers {
            let mut place = 0;
            while let Some(open) = asker.open.get_mut(place) {
                match open.answer.try_recv() {
                    Err(oneshot::error::TryRecvError::Empty) => place += 1,
                    answer => {
                        let open = asker.open.remove(place);
                        self.compare(&open, answer.unwrap_or(Err(crate::connection::SendError::Stopping)))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn compare(&mut self, open: &Open, answer: Answer) -> Result<(), ReplayError> {
        let frame = match &answer {
            Ok(frame) => &frame[..],
            Err(error) => {
                self.compared.unanswered += 1;
                return self.tell(open, &[], Some(error.to_string()));
            }
        };
        let Some(recorded) = &open.recorded else {
            self.compared.not_compared += 1;
            return Ok(());
        };
        let envelope = Envelope::split(frame, &crate::value::Limits::default()).unwrap_or_default();
        let differences = answer_differences(recorded, &envelope, &self.ignored);
        if differences.is_empty() {
            self.compared.same += 1;
            return Ok(());
        }
        self.compared.different += 1;
        self.tell(open, &differences, None)
    }

    fn tell(
        &self,
        open: &Open,
        differences: &[Difference],
        failed: Option<String>,
    ) -> Result<(), ReplayError> {
        let Message { time, service, connection, workflow_id, .. } = &open.request;
        let mut stdout = std::io::stdout().lock();
        let id = workflow_id.as_deref().unwrap_or_default();
        if self.options.json {
            let places: Vec<_> = differences
                .iter()
                .map(|found| json!({ "path": found.path, "recorded": found.recorded, "found": found.found }))
                .collect();
            let line = json!({
                "time": time,
                "service": &**service,
                "connection": &**connection,
                "workflow_id": id,
                "differences": places,
                "failed": failed,
            });
            return Ok(writeln!(stdout, "{line}")?);
        }
        let head = format!("{} {} {}", cell(service), cell(connection), cell(id));
        for difference in differences.iter().take(MOST_TOLD) {
            writeln!(stdout, "{head}: {}", cell(&difference.to_string()))?;
        }
        if differences.len() > MOST_TOLD {
            writeln!(stdout, "{head}: and {} places more", differences.len() - MOST_TOLD)?;
        }
        if let Some(failed) = failed {
            writeln!(stdout, "{head}: {}", cell(&failed))?;
        }
        Ok(())
    }

    fn conclude(&self) -> Result<bool, ReplayError> {
        let Compared { sent, same, different, unanswered, not_compared } = self.compared;
        let mut stdout = std::io::stdout().lock();
        match self.options.json {
            true => writeln!(
                stdout,
                "{}",
                json!({
                    "sent": sent,
                    "same": same,
                    "different": different,
                    "unanswered": unanswered,
                    "not_compared": not_compared,
                })
            )?,
            false => writeln!(
                stdout,
                "{sent} requests sent: {same} replies as recorded, {different} different, {unanswered} without an \
                 answer, {not_compared} not compared"
            )?,
        }
        Ok(different == 0 && unanswered == 0)
    }
}
