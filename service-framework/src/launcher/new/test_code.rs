//! The test of a new crate, put together from small pieces as its code is.

use super::code::Code;
use super::parts::Part;

/// As rustfmt breaks it.
const START: &str = "\
let kit = inline(service())
        .config(\"greeting\", \"Hello\")
        .start()
        .unwrap();";

/// What the test does to the service, and what it is called.
fn drive(code: &Code<'_>) -> (&'static str, &'static str) {
    if code.has(Part::Replyer) {
        let ask = "let answer: Greeting = kit.request(\"hello\", ada).unwrap();";
        return ("who_asks_is_greeted", ask);
    }
    if code.has(Part::Subscriber) {
        let tell = "kit.publish(\"arrivals\", ada).unwrap();";
        return ("who_comes_is_greeted", tell);
    }
    match code.has(Part::Main) {
        true => ("everybody_is_greeted", "kit.run_main().unwrap();"),
        // Its handler is called for what the test sets, below.
        false => ("who_is_greeted_elsewhere_is_greeted_here", ""),
    }
}

/// The test of a service in the crate whose name in Rust is `identifier`.
pub(super) fn test(code: &Code<'_>, identifier: &str) -> String {
    let (name, drive) = drive(code);
    let has = |part| code.has(part);
    let times = if has(Part::Main) { 3 } else { 1 };
    let answer = answer(code);
    let lines = [
        (true, START.to_owned()),
        (code.has_links(), "let links = kit.links::<Links>();".to_owned()),
        (has(Part::Requester), "links.friend.answers(|_| Greeting { text: \"Hi\".into() });".to_owned()),
        (has(Part::Replica), "links.others.set(\"Ada\", Greeting { text: \"Hi\".into() });".to_owned()),
        (drive.contains("ada"), "let ada = Name { name: \"Ada\".into() };".to_owned()),
        (!drive.is_empty(), drive.to_owned()),
        (has(Part::Replyer), format!("assert_eq!(answer.text, \"{answer}\");")),
        (has(Part::Requester), format!("assert_eq!(links.friend.asked().len(), {times});")),
        (has(Part::Publisher), format!("assert_eq!(links.greeted.published().len(), {times});")),
        (has(Part::State), "assert!(links.guests.get(\"Ada\").is_some());".to_owned()),
    ];
    let body: String =
        lines.iter().filter(|(is_there, _)| *is_there).map(|(_, line)| format!("    {line}\n")).collect();
    format!(
        "\
//! The service without sockets: what it talks to is played by the test.

use {identifier}::{};

use service_framework::testing::inline;

#[test]
fn {name}() {{
{body}}}
",
        used(&body)
    )
}

fn answer(code: &Code<'_>) -> String {
    let again = if code.has(Part::Replica) { " again" } else { "" };
    let friend = if code.has(Part::Requester) { ". Hi" } else { "" };
    format!("Hello, Ada{again}{friend}")
}

/// The names of the crate that stand in the test.
fn used(body: &str) -> String {
    let names =
        [("Greeting", "Greeting"), ("Links", "<Links>"), ("Name", "Name {"), ("service", "service()")];
    let names: Vec<_> =
        names.into_iter().filter(|(_, text)| body.contains(text)).map(|(name, _)| name).collect();
    match names.as_slice() {
        [name] => (*name).to_owned(),
        names => format!("{{{}}}", names.join(", ")),
    }
}
