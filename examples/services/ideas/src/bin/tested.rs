//! A service and its tests: no sockets, the other side is played, and time passes only when the service waits for it.
//!
//! Run with `cargo test --package ideas tested`; as a service with
//! `cargo run --bin tested -- -a addresses/ideas/tested.json --limit 4`.

use service_framework::prelude::*;

#[derive(Message)]
struct Load {
    load: f64,
}

#[derive(Debug, Message, PartialEq)]
struct Alarm {
    text: String,
}

#[derive(Links)]
struct Out {
    #[links(within = "2s")]
    load: Requester<(), Load>,
    alarms: Publisher<Alarm>,
}

#[derive(Config)]
struct Given {
    /// The load that is still well.
    limit: f64,
}

/// Asks the machine how it is, and tells if it is not well, or does not say.
async fn look(_: (), out: Out, given: Given) -> Result {
    let text = match out.load.request(()).await {
        Ok(now) if now.load <= given.limit => return Ok(()),
        Ok(now) => format!("load {:.1} is over {:.1}", now.load, given.limit),
        Err(error) => format!("no word of the load: {error}"),
    };
    Ok(out.alarms.publish(Alarm { text })?)
}

pub(crate) fn service() -> Service {
    Service::new("watchman").replyer("look", look)
}

fn main() -> ExitCode {
    service_framework::run(service())
}

#[cfg(test)]
mod tests {
    use service_framework::testing;

    use super::*;

    #[test]
    fn a_load_over_the_limit_is_told() {
        let kit = testing::inline(service()).config("limit", 4.0).start().unwrap();
        let out = kit.links::<Out>();
        out.load.answers(|()| Load { load: 3.5 });
        let () = kit.request("look", ()).unwrap();
        assert_eq!(out.alarms.published(), []);
        out.load.answers(|()| Load { load: 4.5 });
        let () = kit.request("look", ()).unwrap();
        assert_eq!(out.alarms.published(), [Alarm { text: "load 4.5 is over 4.0".into() }]);
    }

    #[test]
    fn silence_is_told_after_two_seconds_which_take_no_time() {
        let kit = testing::inline(service()).config("limit", 4.0).start().unwrap();
        let out = kit.links::<Out>();
        out.load.never_answers();
        let () = kit.request("look", ()).unwrap();
        let told = out.alarms.published();
        assert!(told[0].text.contains("no answer on \"load\" within 2s"), "{told:?}");
    }
}
