//! Which flows of a store are meant.

use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};

use crate::flow::history::Status;
use crate::flow::{FlowError, FlowInfo, Flows};
use crate::launcher::arguments::{Options, duration};
use crate::model::Problem;
use crate::store::Timestamp;

/// How many are read at once.
const PAGE: usize = 1000;

/// Which flows of a store are meant.
#[derive(Debug, Default)]
pub(super) struct Selection {
    status: Option<Status>,
    name: Option<String>,
    prefix: Option<String>,
    since: Option<When>,
    until: Option<When>,
}

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    At(Timestamp),
    Ago(Duration),
}

impl Selection {
    /// What the command line says.
    ///
    /// # Errors
    /// A time is none.
    pub(super) fn read(options: &Options) -> Result<Self, Vec<Problem>> {
        let flows = &options.flows;
        let mut problems = Vec::new();
        let mut when = |flag: &str, text: &Option<String>| {
            let text = text.as_deref()?;
            let when = self::when(text);
            if when.is_none() {
                let expected = "a time such as 2h, 3d, 2026-11-27 or 2026-11-27T18:30:00 (UTC)";
                problems.push(Problem::new(flag, expected, format!("{text:?}")));
            }
            when
        };
        let (since, until) = (when("--since", &flows.since), when("--until", &flows.until));
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            status: flows.status.as_deref().and_then(Status::of_word),
            name: flows.name.clone(),
            prefix: flows.id.clone(),
            since,
            until,
        })
    }

    /// Whether it leaves nothing out.
    pub(super) fn is_all(&self) -> bool {
        let Self { status, name, prefix, since, until } = self;
        status.is_none() && name.is_none() && prefix.is_none() && since.is_none() && until.is_none()
    }

    /// Calls `each` for all that are meant, in the order of their ids, behind `after`, until it says that it has enough.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn each(
        &self,
        flows: &Flows,
        after: Option<&str>,
        mut each: impl FnMut(FlowInfo) -> bool,
    ) -> Result<(), FlowError> {
        let now = flows.store().now()?;
        let mut after = after.map(str::to_owned);
        loop {
            let page = flows.list(self.status, after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for info in page {
                if self.fits(&info, now) && self.is_named(flows, &info)? && !each(info) {
                    return Ok(());
                }
            }
        }
    }

    /// Whether it has the name that is meant, which takes a look at how it was started.
    fn is_named(&self, flows: &Flows, info: &FlowInfo) -> Result<bool, FlowError> {
        let Some(name) = &self.name else { return Ok(true) };
        match flows.started(&info.id) {
            Ok(started) => Ok(started.name == *name),
            // It was removed just now.
            Err(FlowError::NoFlow(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn fits(&self, info: &FlowInfo, now: Timestamp) -> bool {
        let at = |when: When| match when {
            When::At(time) => time,
            When::Ago(ago) => {
                let ago = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
                Timestamp::from_micros(now.as_micros().saturating_sub(ago))
            }
        };
        self.prefix.as_ref().is_none_or(|prefix| info.id.starts_with(prefix.as_str()))
            && self.since.is_none_or(|since| info.began >= at(since))
            && self.until.is_none_or(|until| info.began < at(until))
    }
}

fn when(text: &str) -> Option<When> {
    let bare = text.strip_suffix('Z').unwrap_or(text);
    let times = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let time = times.iter().find_map(|format| NaiveDateTime::parse_from_str(bare, format).ok());
    let day = || NaiveDate::parse_from_str(bare, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    if let Some(time) = time.or_else(day) {
        return Some(When::At(Timestamp::from_micros(time.and_utc().timestamp_micros())));
    }
    // A number alone could be anything.
    let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
    duration(text).ok().filter(|_| has_unit).map(When::Ago)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_moments_or_ago() {
        assert_eq!(when("2h"), Some(When::Ago(Duration::from_secs(7200))));
        let day = when("1970-01-02");
        assert_eq!(day, Some(When::At(Timestamp::from_micros(86_400_000_000))));
        assert_eq!(when("1970-01-02T00:00:00Z"), day);
        assert_eq!(when("1970-01-02 00:00"), day);
        for wrong in ["", "yesterday", "12", "2026-13-01", "2026-11-27T25:00"] {
            assert_eq!(when(wrong), None, "{wrong}");
        }
    }
}
