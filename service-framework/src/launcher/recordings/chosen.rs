//! Which messages the command line means, and how they are shown.

use std::time::Duration;

use crate::connection::tap::Kind;
use crate::launcher::arguments::Options;
pub(super) use crate::launcher::terminal::one_line as cell;
use crate::model::{Problem, near_miss};
use crate::recording::{Filter, Recording, RecordingError};

/// The recording that is named, and the messages of it that are meant.
///
/// # Errors
/// It is no recording, or something is meant that it does not have.
pub(super) fn open(options: &Options) -> Result<(Recording, Filter), Vec<Problem>> {
    let path = options.positional.as_deref().unwrap_or_default();
    let recording = Recording::open(path).map_err(|error| vec![unreadable(&error)])?;
    let filter = filter(options, first(&recording)?);
    let unknown = recording.unknown(&filter);
    let mut problems: Vec<Problem> = unknown.iter().map(|name| nobody(name, &recording)).collect();
    if let Some(id) = &options.recordings.workflow {
        let any = recording.messages(&Filter::new().workflow(id).without_bodies()).next().transpose();
        if any.map_err(|error| vec![unreadable(&error)])?.is_none() {
            let expected = "a workflow id of this recording, as `inspect` shows them";
            problems.push(Problem::new("--workflow", expected, format!("{id:?}")));
        }
    }
    if problems.is_empty() { Ok((recording, filter)) } else { Err(problems) }
}

/// That a recording cannot be read.
pub(super) fn unreadable(error: &RecordingError) -> Problem {
    Problem::new("FILE", "a recording that can be read", error.to_string())
}

/// When the first message was seen.
pub(super) fn first(recording: &Recording) -> Result<u64, Vec<Problem>> {
    let span = recording.span().map_err(|error| vec![unreadable(&error)])?;
    Ok(span.map_or(0, |(first, _)| first))
}

fn filter(options: &Options, first: u64) -> Filter {
    let asked = &options.recordings;
    let after = |time: Duration| first.saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    let mut filter = Filter::new();
    filter = asked.services.iter().fold(filter, Filter::service);
    filter = asked.connections.iter().fold(filter, Filter::connection);
    filter = asked.topics.iter().fold(filter, Filter::topic);
    filter = asked.kinds.iter().filter_map(|kind| Kind::named(kind)).fold(filter, Filter::kind);
    filter = asked.workflow.iter().fold(filter, Filter::workflow);
    filter = asked.from.map(after).into_iter().fold(filter, Filter::from);
    asked.until.map(after).into_iter().fold(filter, Filter::until)
}

fn nobody(name: &str, recording: &Recording) -> Problem {
    let (services, connections) = recording.names();
    let names: Vec<&str> = services.iter().chain(&connections).map(|name| &**name).collect();
    let expected = format!("a service or a connection of this recording: {}", names.join(", "));
    let problem = Problem::new("command line", expected, format!("{name:?}"));
    match near_miss(name, names) {
        Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}

/// At most so many characters of a text.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => cell(text),
        Some((at, _)) => cell(&text[..at]) + "…",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_terminal_obeys_what_comes_from_outside() {
        assert_eq!(cell("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
        assert_eq!(shortened("äöü", 2), "äö…");
        assert_eq!(shortened("äö", 2), "äö");
    }
}
