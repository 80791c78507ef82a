//! What writes to the database: a transaction for a group of jobs, under locks of the names that it is about.

use std::thread;
use std::time::Instant;

use super::draft::Draft;
use super::link::{Link, PATIENCE, PAUSE, is_collision, is_lost, text};
use super::tables::{Names, time};
use super::target::Target;
use crate::store::backend::{Done, Take, Work};
use crate::store::error::Error;
use crate::store::rows::{OutboxItem, Timer};
use crate::store::rules::{self, Queues, Taking};
use crate::store::time::Timestamp;
use crate::store::watch::Topic;
use crate::store::writer::Engine;

/// How often a transaction is tried that others were in the way of.
const TRIES: usize = 8;

/// The writer's connection.
pub(super) struct Server {
    target: Target,
    /// None before the first job, and after something went wrong with it.
    link: Option<Link>,
}

/// Why a group was not written.
enum Failure {
    /// Before the commit: nothing of it is there.
    Before(postgres::Error),
    /// In the commit.
    Within(postgres::Error),
    /// The rules could not be applied.
    Other(Error),
}

impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
        Self::Before(error)
    }
}

type Answers = Vec<Result<Done, Error>>;

impl Server {
    pub(super) fn new(target: Target, link: Link) -> Self {
        Self { target, link: Some(link) }
    }

    /// One try. A connection that failed is not used again, so its transaction ends with it.
    fn attempt(&mut self, works: &[Work]) -> Result<Answers, Failure> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => Link::connect(&self.target)?,
        };
        link.run("BEGIN")?;
        let answers = match write(&mut link, &self.target, works) {
            Ok(answers) => answers,
            Err(Failure::Before(error)) if !is_lost(&error) => {
                link.run("ROLLBACK")?;
                self.link = Some(link);
                return Err(Failure::Before(error));
            }
            Err(failure) => return Err(failure),
        };
        link.run("COMMIT").map_err(Failure::Within)?;
        self.link = Some(link);
        Ok(answers)
    }

    fn not_written(&self, error: &postgres::Error) -> Error {
        Error::NotWritten { store: self.target.name.clone(), reason: text(error) }
    }

    fn unknown(&self, error: &postgres::Error) -> Error {
        let reason = format!("the connection was lost in the commit: {}", text(error));
        Error::Unknown { store: self.target.name.clone(), reason }
    }
}

impl Engine for Server {
    fn group(&mut self, works: &[Work]) -> Result<Answers, Error> {
        let (start, mut tries) = (Instant::now(), 0);
        loop {
            tries += 1;
            match self.attempt(works) {
                Ok(answers) => return Ok(answers),
                Err(Failure::Before(error)) if is_lost(&error) && start.elapsed() < PATIENCE => {
                    thread::sleep(PAUSE);
                }
                Err(Failure::Before(error)) if is_collision(&error) && tries < TRIES => {}
                Err(Failure::Within(error)) if is_lost(&error) => return Err(self.unknown(&error)),
                Err(Failure::Before(error) | Failure::Within(error)) => return Err(self.not_written(&error)),
                Err(Failure::Other(error)) => return Err(error),
            }
        }
    }

    fn forget(&mut self) {
        self.link = None;
    }
}

/// Everything between begin and commit.
fn write(link: &mut Link, target: &Target, works: &[Work]) -> Result<Answers, Failure> {
    let mut names = Names::default();
    for work in works {
        if let Work::Change(change) = work {
            names.add(change);
        }
    }
    // A statement of its own: what follows sees everything that was committed until the locks were there.
    let lock = "SELECT pg_advisory_xact_lock($1, lock) FROM unnest($2::integer[]) AS lock";
    link.query(lock, &[&target.lock_class(), &names.locks()])?;
    let now = link.one("SELECT store_now()", &[])?.map_or(0, |row| row.get(0));
    let mut answers = Answers::with_capacity(works.len());
    let mut left = works;
    while let Some(first) = left.first() {
        let changes = left.iter().take_while(|work| matches!(work, Work::Change(_))).count();
        match first {
            Work::Take(take) => answers.push(Ok(self::take(link, target, take, time(now))?)),
            Work::Change(_) => change(link, &left[..changes], time(now), &mut answers)?,
        }
        left = &left[changes.max(1)..];
    }
    tell(link, target, works, &answers)?;
    Ok(answers)
}

/// Changes that follow each other, together.
fn change(link: &mut Link, works: &[Work], now: Timestamp, answers: &mut Answers) -> Result<(), Failure> {
    let changes = || {
        works.iter().filter_map(|work| match work {
            Work::Change(change) => Some(change),
            Work::Take(_) => None,
        })
    };
    let mut names = Names::default();
    changes().for_each(|change| names.add(change));
    let mut draft: Draft = names.load(link)?;
    for change in changes() {
        let before = draft.clone();
        let answer = rules::change(&mut draft, change, now);
        match &answer {
            Ok(_) => {}
            Err(Error::Refused(_)) => draft = before,
            Err(error) => return Err(Failure::Other(error.clone())),
        }
        answers.push(answer);
    }
    Ok(draft.write(link)?)
}

fn take(link: &mut Link, target: &Target, take: &Take, now: Timestamp) -> Result<Done, Failure> {
    let mut failure = None;
    let mut taker = Taker { link, failure: &mut failure, name: &target.name };
    let done = rules::take(&mut taker, take, now);
    match failure {
        Some(error) => Err(Failure::Before(error)),
        None => done.map_err(Failure::Other),
    }
}

/// What is taken is asked of the server, which knows what others take at the same time and leaves that out.
struct Taker<'a> {
    link: &'a mut Link,
    /// Why the server did not do it; kept as it is, since another try may go well.
    failure: &'a mut Option<postgres::Error>,
    name: &'a str,
}

impl Taker<'_> {
    fn done<T>(&mut self, outcome: Result<T, postgres::Error>) -> Result<T, Error> {
        outcome.map_err(|error| {
            let reason = text(&error);
            *self.failure = Some(error);
            Error::NotWritten { store: self.name.to_owned(), reason }
        })
    }

    /// Rows of a table that are ready, in their order, held from now on.
    fn held(&mut self, sql: &str, taking: Taking<'_>, queue: Option<&str>) -> Result<Vec<OutboxItem>, Error> {
        let (now, until) = (taking.now.as_micros(), taking.until.as_micros());
        let limit = i64::try_from(taking.limit).unwrap_or(i64::MAX);
        let rows = match &queue {
            Some(queue) => self.link.query(sql, &[&now, &limit, &until, &taking.holder, queue]),
            None => self.link.query(sql, &[&now, &limit, &until, &taking.holder]),
        };
        let rows = self.done(rows)?;
        let mut held: Vec<(i64, OutboxItem)> =
            rows.iter().map(|row| (row.get(0), message(row, queue))).collect();
        held.sort_by(|one, other| (one.0, &one.1.id).cmp(&(other.0, &other.1.id)));
        Ok(held.into_iter().map(|(_, message)| message).collect())
    }
}

fn message(row: &postgres::Row, queue: Option<&str>) -> OutboxItem {
    OutboxItem {
        queue: queue.unwrap_or_default().to_owned(),
        id: row.get(1),
        due: time(row.get(2)),
        attempt: u32::try_from(row.get::<_, i32>(3)).unwrap_or(0),
        payload: row.get(4),
    }
}

impl Queues for Taker<'_> {
    fn take_timers(&mut self, taking: Taking<'_>) -> Result<Vec<Timer>, Error> {
        let sql = "WITH taken AS (
                SELECT id, ready AS was FROM timer WHERE ready <= $1 ORDER BY ready, id LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
            UPDATE timer t SET ready = $3, holder = $4, attempt = attempt + 1 FROM taken WHERE t.id = taken.id
            RETURNING was, t.id, due, attempt, payload";
        let timers = self.held(sql, taking, None)?.into_iter().map(|message| {
            let OutboxItem { id, due, payload, attempt, .. } = message;
            Timer { id, due, payload, attempt }
        });
        Ok(timers.collect())
    }

    fn take_messages(&mut self, queue: &str, taking: Taking<'_>) -> Result<Vec<OutboxItem>, Error> {
        let sql = "WITH taken AS (
                SELECT id, ready AS was FROM outbox WHERE queue = $5 AND ready <= $1 ORDER BY ready, id LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
            UPDATE outbox o SET ready = $3, holder = $4, attempt = attempt + 1 FROM taken WHERE o.id = taken.id
            RETURNING was, o.id, due, attempt, payload";
        self.held(sql, taking, Some(queue))
    }

    fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<usize, Error> {
        let sql = "DELETE FROM claim WHERE key IN (
            SELECT key FROM claim WHERE expires <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let outcome = self.link.execute(sql, &[&now.as_micros(), &limit]);
        self.done(outcome).map(|count| usize::try_from(count).unwrap_or(usize::MAX))
    }
}

/// Tells every process what changed, when it is committed.
fn tell(link: &mut Link, target: &Target, works: &[Work], answers: &Answers) -> Result<(), postgres::Error> {
    let done = works.iter().zip(answers).filter(|(_, answer)| answer.is_ok());
    let mut topics: Vec<String> =
        done.flat_map(|(work, _)| Topic::changed_by(work)).map(|topic| topic.to_text()).collect();
    topics.sort_unstable();
    topics.dedup();
    if topics.is_empty() {
        return Ok(());
    }
    let sql = "SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS topic";
    link.query(sql, &[&target.channel(), &topics]).map(drop)
}
