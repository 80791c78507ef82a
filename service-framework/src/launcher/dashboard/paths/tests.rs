//! Paths of messages that were seen, in any order.

use super::super::listed::{Only, latest};
use super::*;

fn message(time: u64, service: &str, connection: &str, kind: Kind, workflow: &str) -> Message {
    let is_in = match kind {
        Kind::Request => connection.starts_with("in."),
        Kind::Reply | Kind::ErrorReply | Kind::Unanswered => connection.starts_with("out."),
        _ => connection.contains("in."),
    };
    let record = Record {
        time,
        connection: connection.into(),
        direction: if is_in { Direction::In } else { Direction::Out },
        kind,
        workflow_id: Some(workflow.into()),
        topic: None,
        peer: None,
        size: 10,
        took: None,
        outcome: None,
        body: None,
    };
    Message { id: service.into(), service: service.into(), record }
}

fn ended(
    time: u64,
    (service, connection): (&str, &str),
    kind: Kind,
    workflow: &str,
    (took, outcome): (u64, &str),
) -> Message {
    let mut message = message(time, service, connection, kind, workflow);
    message.record.took = Some(Duration::from_micros(took));
    message.record.outcome = Some(outcome.into());
    message
}

fn shown(path: &Json) -> String {
    let spans = path["spans"].as_array().unwrap().iter().map(|span| {
        let depth = usize::try_from(span["depth"].as_u64().unwrap()).unwrap();
        format!(
            "{}{} {} {} {}+{} {}\n",
            "  ".repeat(depth),
            span["service"].as_str().unwrap(),
            span["does"].as_str().unwrap(),
            span["connection"].as_str().unwrap(),
            span["start"],
            span["took"],
            span["outcome"].as_str().unwrap_or("-")
        )
    });
    spans.collect()
}

/// One who asks, one between who asks twice, and one who answers.
fn nested() -> Vec<Message> {
    vec![
        message(100, "user", "out.mid", Kind::Request, "w"),
        message(110, "middle", "in.mid", Kind::Request, "w"),
        message(120, "middle", "out.echo", Kind::Request, "w"),
        message(125, "echo", "in.echo", Kind::Request, "w"),
        ended(140, ("echo", "in.echo"), Kind::Reply, "w", (15, "ok")),
        ended(150, ("middle", "out.echo"), Kind::Reply, "w", (30, "ok")),
        message(160, "middle", "out.echo", Kind::Request, "w_1"),
        message(165, "echo", "in.echo", Kind::Request, "w_1"),
        ended(170, ("echo", "in.echo"), Kind::ErrorReply, "w_1", (5, "overloaded")),
        ended(180, ("middle", "out.echo"), Kind::ErrorReply, "w_1", (20, "overloaded")),
        ended(190, ("middle", "in.mid"), Kind::ErrorReply, "w", (80, "handler_failed")),
        ended(200, ("user", "out.mid"), Kind::ErrorReply, "w", (100, "handler_failed")),
    ]
}

#[test]
fn a_request_is_followed_through_all_services() {
    let mut messages = nested();
    // Each service tells by itself.
    messages.reverse();
    messages.push(message(130, "echo", "in.echo", Kind::Request, "another"));
    insta::assert_snapshot!(shown(&path("w", messages.iter())), @r"
    user asks out.mid 0+100 handler_failed
      middle answers in.mid 10+80 handler_failed
        middle asks out.echo 20+30 ok
          echo answers in.echo 25+15 ok
        middle asks out.echo 60+20 overloaded
          echo answers in.echo 65+5 overloaded
    ");
}

#[test]
fn what_is_sent_may_be_there_before_it_is_noted_as_sent() {
    let messages = [
        message(100, "a", "in.start", Kind::Request, "w"),
        message(120, "b", "in.ask", Kind::Request, "w"),
        message(125, "a", "out.ask", Kind::Request, "w"),
        ended(130, ("b", "in.ask"), Kind::Reply, "w", (10, "ok")),
        ended(140, ("a", "out.ask"), Kind::Reply, "w", (25, "ok")),
        ended(150, ("a", "in.start"), Kind::Reply, "w", (50, "ok")),
    ];
    insta::assert_snapshot!(shown(&path("w", messages.iter())), @r"
    a answers in.start 0+50 ok
      a asks out.ask 25+15 ok
        b answers in.ask 20+10 ok
    ");
}

#[test]
fn services_that_ask_each_other_make_no_circle() {
    let messages = [
        message(100, "a", "in.x", Kind::Request, "w"),
        message(110, "a", "out.y", Kind::Request, "w"),
        message(120, "b", "in.y", Kind::Request, "w"),
        message(130, "b", "out.x", Kind::Request, "w"),
        message(140, "a", "in.x", Kind::Request, "w"),
    ];
    let shown = shown(&path("w", messages.iter()));
    let depths: Vec<usize> = shown.lines().map(|line| line.len() - line.trim_start().len()).collect();
    assert_eq!(depths, [0, 2, 4, 6, 8], "{shown}");
}

#[test]
fn what_is_published_leads_to_those_who_hear_it() {
    let messages = [
        message(10, "desk", "out.news", Kind::Message, "w"),
        message(12, "a", "in.news", Kind::Message, "w"),
        message(13, "b", "in.news", Kind::Message, "w"),
        message(14, "a", "states.out.book", Kind::Update, "w"),
        message(16, "c", "states.in.book", Kind::Update, "w"),
        message(17, "c", "states.in.book", Kind::Change, "w"),
        ended(18, ("c", "states.in.book"), Kind::Handled, "w", (1, "ok")),
        ended(20, ("a", "in.news"), Kind::Handled, "w", (8, "ok")),
    ];
    insta::assert_snapshot!(shown(&path("w", messages.iter())), @r"
    desk publishes out.news 0+0 -
      a hears in.news 2+8 ok
        a updates states.out.book 4+0 -
          c follows states.in.book 6+0 -
            c sees the change states.in.book 7+1 ok
      b hears in.news 3+null -
    ");
}

#[test]
fn what_began_before_one_looked_is_told_by_its_end() {
    let messages = [
        ended(150, ("middle", "out.echo"), Kind::Unanswered, "w", (30, "timeout")),
        message(160, "echo", "in.echo", Kind::Request, "w"),
    ];
    let path = path("w", messages.iter());
    assert_eq!((path["began"].as_u64(), path["took"].as_u64()), (Some(120), Some(40)));
    assert_eq!(shown(&path), "middle asks out.echo 0+30 timeout\n  echo answers in.echo 40+null -\n");
}

#[test]
fn workflows_are_listed_by_the_id_they_began_with() {
    let mut messages = nested();
    messages.push(message(300, "echo", "in.echo", Kind::Request, "other_id"));
    messages.push(message(400, "a", "states.out.book", Kind::Update, "x"));
    let ids = |find: &str, only| -> Vec<String> {
        let found = latest(messages.iter(), find, only, 10);
        found.iter().map(|found| found["workflow"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("", Only::All), ["x", "other_id", "w"]);
    assert_eq!(ids("", Only::Messages), ["other_id", "w"]);
    assert_eq!(ids("", Only::Errors), ["w"]);
    assert_eq!(ids("middle", Only::All), ["w"]);
    assert_eq!(latest(messages.iter(), "", Only::All, 1).len(), 1);
    let summary = &latest(messages.iter(), "", Only::Errors, 1)[0];
    assert_eq!((summary["took"].as_u64(), summary["services"].as_u64()), (Some(100), Some(3)));
    assert_eq!((summary["service"].as_str(), summary["wrong"].as_str()), (Some("user"), Some("overloaded")));
    assert_eq!(
        ["w", "w_1", "w_1_2", "a_b_1", "a_", "_1", ""].map(root),
        ["w", "w", "w", "a_b", "a_", "_1", ""]
    );
}
