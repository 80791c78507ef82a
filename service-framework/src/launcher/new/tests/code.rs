//! What the code of a service is for which parts, and that rustfmt would write it so.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::{PART_NAMES, new_crate, text};

/// Every choice of parts, as `--with` takes it.
fn choices() -> impl Iterator<Item = String> {
    (1_u32..1 << PART_NAMES.len()).map(|choice| {
        let names = PART_NAMES.iter().enumerate().filter(|(place, _)| choice & (1 << place) != 0);
        names.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
    })
}

#[test]
fn the_least_service_is_short() {
    insta::assert_snapshot!(text(&new_crate("greeter", "replyer"), "src/lib.rs"), @r#"
    //! The service `greeter`: what it takes and gives, and what it does.

    use service_framework::prelude::*;

    /// The config: a field for each key of config.json.
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

    /// The service: its name, and a function for everything that comes in.
    pub fn service() -> Service {
        Service::new("greeter").replyer("hello", greet)
    }

    /// Greets somebody.
    fn greet(asked: Name, settings: &Settings) -> Result<Greeting> {
        let text = format!("{}, {}", settings.greeting, asked.name);
        Ok(Greeting { text })
    }
    "#);
}

#[test]
fn each_part_adds_its_lines() {
    let all = "replyer,subscriber,requester,publisher,state,replica";
    insta::assert_snapshot!(text(&new_crate("greeter", all), "tests/service.rs"), @r#"
    //! The service without sockets: what it talks to is played by the test.

    use greeter::{Greeting, Links, Name, service};

    use service_framework::testing::inline;

    #[test]
    fn who_asks_is_greeted() {
        let kit = inline(service())
            .config("greeting", "Hello")
            .start()
            .unwrap();
        let links = kit.links::<Links>();
        links.friend.answers(|_| Greeting { text: "Hi".into() });
        links.others.set("Ada", Greeting { text: "Hi".into() });
        let ada = Name { name: "Ada".into() };
        let answer: Greeting = kit.request("hello", ada).unwrap();
        assert_eq!(answer.text, "Hello, Ada again. Hi");
        assert_eq!(links.friend.asked().len(), 1);
        assert_eq!(links.greeted.published().len(), 1);
        assert!(links.guests.get("Ada").is_some());
    }
    "#);
    insta::assert_snapshot!(text(&new_crate("greeter", all), "src/lib.rs"), @r#"
    //! The service `greeter`: what it takes and gives, and what it does.

    use service_framework::prelude::*;

    /// The config: a field for each key of config.json.
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

    /// Connections that go out, and states: a field for each, named as in addresses.json.
    #[derive(Links)]
    pub struct Links {
        /// Another service that greets.
        pub friend: Requester<Name, Greeting>,
        /// Hears who was greeted.
        pub greeted: Publisher<Name>,
        /// Who was greeted how, for others to see.
        pub guests: DeltaOut<Greeting>,
        /// Who was greeted how by another service.
        pub others: DeltaIn<Greeting>,
    }

    /// The service: its name, and a function for everything that comes in.
    pub fn service() -> Service {
        Service::new("greeter")
            .replyer("hello", hello)
            .subscriber("arrivals", on_arrival)
            .on_change("others", on_other)
    }

    /// Answers a request.
    async fn hello(asked: Name, settings: Settings, links: Links) -> Result<Greeting> {
        greet(asked, &settings, &links).await
    }

    /// Is told who comes.
    async fn on_arrival(arrived: Name, settings: Settings, links: Links) -> Result {
        let greeting = greet(arrived, &settings, &links).await?;
        println!("arrived: {}", greeting.text);
        Ok(())
    }

    /// Is told what has changed in the state of another service; what is gone is `None`.
    fn on_other(change: DeltaChange<Greeting>) -> Result {
        for (name, now) in change.changed {
            println!("elsewhere: {name} {now:?}");
        }
        Ok(())
    }

    /// Greets somebody.
    async fn greet(asked: Name, settings: &Settings, links: &Links) -> Result<Greeting> {
        let mut text = format!("{}, {}", settings.greeting, asked.name);
        if links.others.contains_key(&asked.name) {
            text += " again";
        }
        let friend = links.friend.request(&asked).await?;
        text = format!("{text}. {}", friend.text);
        let greeting = Greeting { text };
        links.guests.set(&asked.name, &greeting)?;
        links.greeted.publish(&asked)?;
        Ok(greeting)
    }
    "#);
}

#[test]
fn two_ends_are_two_files() {
    let new = new_crate("order-desk", "replyer,subscriber,replica,main");
    insta::assert_snapshot!(text(&new, "src/main.rs"), @r"
    //! The program: its command line is the framework's.

    use std::process::ExitCode;

    use order_desk::{caller, service};

    fn main() -> ExitCode {
        service_framework::run([service(), caller::service()])
    }
    ");
    insta::assert_snapshot!(text(&new, "src/caller.rs"), @r#"
    //! The service `order-desk-caller`: what it takes and gives, and what it does.

    use service_framework::prelude::*;

    use super::{Greeting, Name, Settings};

    /// Connections that go out, and states: a field for each, named as in addresses.json.
    #[derive(Links)]
    pub struct Links {
        /// Another service that greets.
        pub friend: Requester<Name, Greeting>,
        /// Hears who was greeted.
        pub greeted: Publisher<Name>,
        /// Who was greeted how, for others to see.
        pub guests: DeltaOut<Greeting>,
    }

    /// The service: its name, and a function for everything that comes in.
    pub fn service() -> Service {
        Service::new("order-desk-caller").main(greet_all)
    }

    /// Runs with -m; when it ends, so does the service.
    fn greet_all(settings: &Settings, links: &Links, to_send: BlockingToSend) -> Result {
        for name in ["Ada", "Grace", "Barbara"] {
            let name = name.to_owned();
            let greeting = greet(Name { name }, settings, links)?;
            println!("{}", greeting.text);
            to_send.sleep(Duration::from_secs(1))?;
        }
        // A state is there as long as its owner.
        to_send.sleep(Duration::from_secs(3600))?;
        Ok(())
    }

    /// Greets somebody.
    fn greet(asked: Name, settings: &Settings, links: &Links) -> Result<Greeting> {
        let mut text = format!("{}, {}", settings.greeting, asked.name);
        let friend = links.friend.request(&asked).wait()?;
        text = format!("{text}. {}", friend.text);
        let greeting = Greeting { text };
        links.guests.set(&asked.name, &greeting)?;
        links.greeted.publish(&asked)?;
        Ok(greeting)
    }
    "#);
    insta::assert_snapshot!(text(&new, "system.json"), @r#"
    {
      "services": {
        "order-desk": {
          "service": "order-desk",
          "addresses": "addresses.json",
          "config": "config.json"
        },
        "order-desk-caller": {
          "service": "order-desk-caller",
          "addresses": "addresses_caller.json",
          "config": "config.json",
          "main_mode": true
        }
      }
    }
    "#);
}

#[test]
fn every_choice_of_parts_is_as_rustfmt_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = BTreeSet::new();
    for name in ["a", "greeter", &"long_".repeat(10)] {
        for choice in choices() {
            let written = new_crate(name, &choice).files();
            let code = written
                .into_iter()
                .filter(|file| file.path.ends_with(".rs") && !file.path.starts_with("vendor/"));
            files.extend(code.map(|file| file.text));
        }
    }
    // A file for each different text; the settings of this repository do not hold there.
    let written: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let path = folder.path().join(format!("file_{number}.rs"));
            // Modules would be looked for beside it.
            fs::write(&path, text.replace("pub mod caller;\n\n", "")).unwrap();
            path
        })
        .collect();
    let Ok(found) = Command::new("rustfmt").args(["--edition", "2024", "--check"]).args(&written).output()
    else {
        return;
    };
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stdout));
}
