//! The Rust code of a service, put together from a small piece for each part. As rustfmt would write it.

use super::parts::{Part, Parts};

/// As wide as one call behind another, and as several, may be on one line by rustfmt's own rules.
const CALL_WIDTH: usize = 96;
const CHAIN_WIDTH: usize = 60;

const TYPES: &str = r#"/// The config: a field for each key of config.json.
#[derive(Config)]
pub struct Settings {
    /// How a greeting begins.
    #[config(default = "Hello")]
    greeting: String,
}

/// Somebody.
#[derive(Debug, PartialEq, Message)]
pub struct Name {
    pub name: String,
}

/// What is said to somebody.
#[derive(Debug, PartialEq, Message)]
pub struct Greeting {
    pub text: String,
}
"#;

const LINKS: [(Part, &str); 4] = [
    (Part::Requester, "    /// Another service that greets.\n    pub friend: Requester<Name, Greeting>,\n"),
    (Part::Publisher, "    /// Hears who was greeted.\n    pub greeted: Publisher<Name>,\n"),
    (Part::State, "    /// Who was greeted how, for others to see.\n    pub guests: DeltaOut<Greeting>,\n"),
    (Part::Replica, "    /// Who was greeted how by another service.\n    pub others: DeltaIn<Greeting>,\n"),
];

/// The code of one service.
#[derive(Debug)]
pub(super) struct Code<'a> {
    /// The name of the service.
    pub(super) name: String,
    pub(super) parts: &'a Parts,
    /// Whether config and messages are those of the crate's first service.
    pub(super) is_second: bool,
    /// Whether there is a second service in the crate beside it.
    pub(super) has_second: bool,
}

impl Code<'_> {
    /// A whole file.
    pub(super) fn file(&self) -> String {
        let sections = [
            self.head(),
            if self.is_second { String::new() } else { TYPES.to_owned() },
            self.links(),
            self.service(),
            self.replyer(),
            self.subscriber(),
            self.replica(),
            self.main(),
            self.greet(),
        ];
        let sections: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
        sections.join("\n")
    }

    pub(super) fn has(&self, part: Part) -> bool {
        self.parts.has(part)
    }

    pub(super) fn has_links(&self) -> bool {
        LINKS.iter().any(|(part, _)| self.has(*part))
    }

    /// Whether handlers wait for answers, while others go on. A `main` waits on a thread of its own.
    fn is_async(&self) -> bool {
        self.has(Part::Requester) && !self.has(Part::Main)
    }

    fn head(&self) -> String {
        let Self { name, is_second, has_second, .. } = self;
        let about = format!("//! The service `{name}`: what it takes and gives, and what it does.\n\n");
        let second = if *has_second { "pub mod caller;\n\n" } else { "" };
        let types = if *is_second { "\nuse super::{Greeting, Name, Settings};\n" } else { "" };
        format!("{about}{second}use service_framework::prelude::*;\n{types}")
    }

    fn links(&self) -> String {
        let fields: String =
            LINKS.iter().filter(|(part, _)| self.has(*part)).map(|(_, field)| *field).collect();
        if fields.is_empty() {
            return fields;
        }
        let about =
            "/// Connections that go out, and states: a field for each, named as in addresses.json.\n";
        format!("{about}#[derive(Links)]\npub struct Links {{\n{fields}}}\n")
    }

    fn service(&self) -> String {
        let answer = if self.is_async() { "hello" } else { "greet" };
        let calls = [
            (Part::Replyer, format!(".replyer(\"hello\", {answer})")),
            (Part::Subscriber, ".subscriber(\"arrivals\", on_arrival)".to_owned()),
            (Part::Replica, ".on_change(\"others\", on_other)".to_owned()),
            (Part::Main, ".main(greet_all)".to_owned()),
        ];
        let calls: Vec<_> =
            calls.into_iter().filter(|(part, _)| self.has(*part)).map(|(_, call)| call).collect();
        let chain = chain(&format!("Service::new(\"{}\")", self.name), &calls);
        let about = "/// The service: its name, and a function for everything that comes in.\n";
        format!("{about}pub fn service() -> Service {{\n    {chain}\n}}\n")
    }

    /// Only where handlers wait: they are given their own settings and links, and lend them.
    fn replyer(&self) -> String {
        if !self.has(Part::Replyer) || !self.is_async() {
            return String::new();
        }
        "\
/// Answers a request.
async fn hello(asked: Name, settings: Settings, links: Links) -> Result<Greeting> {
    greet(asked, &settings, &links).await
}
"
        .to_owned()
    }

    fn subscriber(&self) -> String {
        if !self.has(Part::Subscriber) {
            return String::new();
        }
        let (begin, given, greet) = (self.begin(), self.given(), self.call("arrived"));
        format!(
            "\
/// Is told who comes.
{begin}fn on_arrival(arrived: Name, {given}) -> Result {{
    let greeting = {greet};
    println!(\"arrived: {{}}\", greeting.text);
    Ok(())
}}
"
        )
    }

    fn replica(&self) -> String {
        if !self.has(Part::Replica) {
            return String::new();
        }
        let about = "/// Is told what has changed in the state of another service; what is gone is `None`.\n";
        if self.has(Part::Replyer) || self.has(Part::Subscriber) {
            return format!(
                "\
{about}fn on_other(change: DeltaChange<Greeting>) -> Result {{
    for (name, now) in change.changed {{
        println!(\"elsewhere: {{name}} {{now:?}}\");
    }}
    Ok(())
}}
"
            );
        }
        let (begin, given, greet) = (self.begin(), self.given(), self.call("Name { name }"));
        format!(
            "\
{about}{begin}fn on_other(change: DeltaChange<Greeting>, {given}) -> Result {{
    for (name, now) in change.changed {{
        if now.is_some() {{
            let greeting = {greet};
            println!(\"elsewhere: {{}}\", greeting.text);
        }}
    }}
    Ok(())
}}
"
        )
    }

    fn main(&self) -> String {
        if !self.has(Part::Main) {
            return String::new();
        }
        let (given, greet) = (self.given(), self.call("Name { name }"));
        let stay = match self.has(Part::State) {
            true => {
                "    // A state is there as long as its owner.\n    to_send.sleep(Duration::from_secs(3600))?;\n"
            }
            false => "",
        };
        format!(
            "\
/// Runs with -m; when it ends, so does the service.
fn greet_all({given}, to_send: BlockingToSend) -> Result {{
    for name in [\"Ada\", \"Grace\", \"Barbara\"] {{
        let name = name.to_owned();
        let greeting = {greet};
        println!(\"{{}}\", greeting.text);
        to_send.sleep(Duration::from_secs(1))?;
    }}
{stay}    Ok(())
}}
"
        )
    }

    /// What all of them do.
    fn greet(&self) -> String {
        let begin = self.begin();
        let links = if self.has_links() { ", links: &Links" } else { "" };
        let body: String = self.steps().iter().map(|step| format!("    {step}\n")).collect();
        let head = format!("{begin}fn greet(asked: Name, settings: &Settings{links}) -> Result<Greeting> {{");
        format!("/// Greets somebody.\n{head}\n{body}}}\n")
    }

    fn steps(&self) -> Vec<String> {
        let (replica, requester) = (self.has(Part::Replica), self.has(Part::Requester));
        let (state, publisher) = (self.has(Part::State), self.has(Part::Publisher));
        let wait = if self.is_async() { ".await" } else { ".wait()" };
        let text = if replica || requester { "mut text" } else { "text" };
        let known = "if links.others.contains_key(&asked.name) {\n        text += \" again\";\n    }";
        let steps = [
            (true, format!("let {text} = format!(\"{{}}, {{}}\", settings.greeting, asked.name);")),
            (replica, known.to_owned()),
            (requester, format!("let friend = links.friend.request(&asked){wait}?;")),
            (requester, "text = format!(\"{text}. {}\", friend.text);".to_owned()),
            (state, "let greeting = Greeting { text };".to_owned()),
            (state, "links.guests.set(&asked.name, &greeting)?;".to_owned()),
            (publisher, "links.greeted.publish(&asked)?;".to_owned()),
            (state, "Ok(greeting)".to_owned()),
            (!state, "Ok(Greeting { text })".to_owned()),
        ];
        steps.into_iter().filter(|(is_there, _)| *is_there).map(|(_, step)| step).collect()
    }

    fn begin(&self) -> &'static str {
        if self.is_async() { "async " } else { "" }
    }

    /// The parameters beside the message.
    fn given(&self) -> &'static str {
        match (self.is_async(), self.has_links()) {
            (true, _) => "settings: Settings, links: Links",
            (false, true) => "settings: &Settings, links: &Links",
            (false, false) => "settings: &Settings",
        }
    }

    /// A call of `greet` in a function that is given what [`Code::given`] says.
    fn call(&self, asked: &str) -> String {
        match (self.is_async(), self.has_links()) {
            (true, _) => format!("greet({asked}, &settings, &links).await?"),
            (false, true) => format!("greet({asked}, settings, links)?"),
            (false, false) => format!("greet({asked}, settings)?"),
        }
    }
}

/// A chain of calls, on one line if it fits.
fn chain(first: &str, calls: &[String]) -> String {
    let line = format!("{first}{}", calls.concat());
    if line.len() <= if calls.len() == 1 { CALL_WIDTH } else { CHAIN_WIDTH } {
        return line;
    }
    let calls = calls.iter().map(|call| format!("\n        {call}"));
    std::iter::once(first.to_owned()).chain(calls).collect()
}
