//! `replay`: requests, publications and states.

use rustix::process::Signal;

use super::*;

/// Three requests to the replyer, recorded.
fn recorded_requests() -> Folder {
    let folder = folder();
    let echo = serve(&folder, "-s echo_replyer -a echo.json --record run.sfr");
    for payload in ["one", "two", "three"] {
        call(&folder, "echo", "echo", payload);
    }
    end(echo);
    folder
}

#[test]
fn recorded_requests_get_the_recorded_replies() {
    let folder = recorded_requests();
    let echo = serve(&folder, "-s echo_replyer -a echo.json");
    for to in [at(&folder, "echo"), "echo_replyer".to_owned()] {
        let ended = launched(&folder, &format!("replay run.sfr --to {to} --speed max --json"));
        let summary = json(ended.stdout.lines().last().unwrap());
        assert_eq!((&summary["sent"], &summary["same"]), (&json!(3), &json!(3)), "{ended:?}");
    }
    let none = folder.launch(&format!("replay run.sfr --to {} --until 0s", at(&folder, "echo")));
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(none.stderr.contains("requests that came in"), "{}", none.stderr);
    end(echo);
}

#[test]
fn what_differs_is_told_place_by_place() {
    let folder = recorded_requests();
    let echo = serve(&folder, "-s echo_replyer -a echo.json");
    // Says everything twice.
    let middle = serve(&folder, "-s middle -a mid.json");
    let line = format!("replay run.sfr --to {} --speed max", at(&folder, "mid"));
    let ended = folder.launch(&line);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains(r#"echo: recorded "one", now "oneone!""#), "{}", ended.stdout);
    assert!(ended.stdout.contains("0 replies as recorded, 3 different"), "{}", ended.stdout);
    let ignoring = launched(&folder, &format!("{line} --ignore echo"));
    assert!(ignoring.stdout.contains("3 replies as recorded"), "{}", ignoring.stdout);
    end(middle);
    end(echo);
    let nobody =
        folder.launch(&format!("replay run.sfr --to {} --speed max --timeout 50ms", at(&folder, "echo")));
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stdout.contains("3 without an answer"), "{}", nobody.stdout);
    let mistyped = folder.launch("replay run.sfr --to shop");
    assert_eq!(mistyped.code, Some(2), "{mistyped:?}");
}

#[test]
fn recorded_publications_are_heard_again() {
    let folder = folder();
    let publisher =
        start(&folder, "-s tick_publisher -a ticks.json -m --n 20 --rate 100 --topic eu --record run.sfr");
    let finished = publisher.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.text());
    assert_eq!(inspect(&folder, "--kind message").len(), 20);
    for bind in [String::new(), format!("--bind {}", at(&folder, "elsewhere"))] {
        let address = if bind.is_empty() { at(&folder, "ticks") } else { at(&folder, "elsewhere") };
        let hearing = start(&folder, &format!("listen {address} --topic eu --count 20"));
        let ended = launched(&folder, &format!("replay run.sfr --speed 10 --wait 3s {bind}"));
        assert!(ended.stdout.contains("messages 20"), "{ended:?}");
        let heard = hearing.finish();
        assert_eq!(heard.code, Some(0), "{}", heard.text());
        let numbers: Vec<_> = heard.objects().iter().map(|tick| tick["seq"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    }
}

#[test]
fn a_recorded_state_comes_to_a_fresh_replica() {
    let folder = folder();
    // Half of it is recorded as the whole that it was, half update by update.
    let mut owner = start(&folder, "-s book_owner -a owner.json -m --n 400 --rate 200 --hold 600");
    owner.wait_for("listening for replicas");
    let recording = start(&folder, "record -o run.sfr");
    let watching = start(&folder, "state book -a owner.json --watch --json --timeout 60s");
    let mut watching = watching;
    watching.wait_for("\"number\":399");
    wait_until("the last update is recorded", || {
        let states = folder.launch("inspect run.sfr --states --json");
        states.code == Some(0) && states.stdout.contains("\"number\":399")
    });
    let real = launched(&folder, "state book -a owner.json --json --timeout 60s");
    assert_eq!(recording.finish_by(Signal::INT).code, Some(0));
    assert_eq!(watching.finish_by(Signal::INT).code, Some(0));
    end(owner);
    let recorded = json(&launched(&folder, "inspect run.sfr --states --json").stdout);
    assert_eq!(recorded["state"], json(&real.stdout)["value"]);
    assert_eq!(recorded["missing"], 0);
    let mut replaying = start(&folder, "replay run.sfr --speed 10 --stay 60s");
    replaying.wait_for("answered at");
    let mut replica = start(&folder, "state book -a owner.json --watch --json --timeout 60s");
    replica.wait_for("\"number\":399");
    let shown = json(&launched(&folder, "state book -a owner.json --json --timeout 60s").stdout);
    assert_eq!((&shown["value"], &shown["number"]), (&recorded["state"], &recorded["number"]));
    assert_eq!(replica.finish_by(Signal::INT).code, Some(0));
    let finished = replaying.finish_by(Signal::INT);
    assert_eq!(finished.code, Some(0), "{}", finished.text());
    assert!(finished.text().contains("missing 0"), "{}", finished.text());
}

#[test]
fn lives_of_an_owner_do_not_mix() {
    let folder = folder();
    let recording = start(&folder, "record -o run.sfr");
    for (keys, updates) in [(50, 50), (20, 70)] {
        let owner =
            start(&folder, &format!("-s book_owner -a owner.json -m --n {keys} --rate 200 --hold 600"));
        wait_until("the life is recorded", || {
            folder.launch("inspect run.sfr --kind update --json").stdout.lines().count() == updates
        });
        end(owner);
    }
    assert_eq!(recording.finish_by(Signal::INT).code, Some(0));
    let recorded = json(&launched(&folder, "inspect run.sfr --states --json").stdout);
    assert_eq!(recorded["state"].as_object().unwrap().len(), 20);
    let updates = inspect(&folder, "--kind update");
    let time = |index: usize| updates[index]["time"].as_u64().unwrap();
    // Rounded down: some updates of the second life are before it.
    let middle = (time(60) - time(0)) / 1_000;
    for from in [0, middle] {
        let mut replaying = start(&folder, &format!("replay run.sfr --speed max --from {from}ms --stay 60s"));
        replaying.wait_for("answered at");
        let mut replica = start(&folder, "state book -a owner.json --watch --json --timeout 60s");
        replica.wait_for("\"k19\":19");
        assert_eq!(replica.finish_by(Signal::INT).code, Some(0));
        let shown = json(&launched(&folder, "state book -a owner.json --json --timeout 60s").stdout);
        assert_eq!(shown["value"], recorded["state"], "from {from} ms");
        assert_eq!(replaying.finish_by(Signal::INT).code, Some(0));
    }
}
