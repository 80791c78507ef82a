//! `record`, `--record` and `inspect`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use super::*;
use crate::support::root;

#[test]
fn one_service_is_recorded_from_its_first_message_to_its_last() {
    let folder = folder();
    let echo = serve(&folder, "-s echo_replyer -a echo.json --record run.sfr");
    assert_eq!(call(&folder, "echo", "echo", "hi"), json!({"echo": "hi"}));
    let finished = echo.finish_by(Signal::TERM);
    assert_eq!(finished.code, Some(0), "{}", finished.text());
    assert!(finished.text().contains("run.sfr: 2 messages, "), "{}", finished.text());
    assert_eq!(fs::metadata(folder.path("run.sfr")).unwrap().permissions().mode() & 0o777, 0o600);
    let messages = inspect(&folder, "");
    assert_eq!(passed(&messages), ["echo_replyer in.echo in request", "echo_replyer in.echo out reply"]);
    assert_eq!(
        (&messages[0]["args"], &messages[1]["args"]),
        (&json!({"payload": "hi"}), &json!({"echo": "hi"}))
    );
    assert_eq!(messages[0]["workflow_id"], messages[1]["workflow_id"]);
    assert_eq!(messages[1]["outcome"], "ok");
    assert!(messages[1]["took"].as_u64().is_some());
    // What is there is never written over.
    let again = folder.launch("-s echo_replyer -a echo.json --record run.sfr");
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("never written over"), "{}", again.stderr);
}

#[test]
fn a_system_is_recorded_and_the_path_of_a_request_is_a_tree() {
    let folder = folder();
    let system = json!({"services": {
        "echo": {"service": "echo_replyer", "addresses": "echo.json"},
        "middle": {"service": "middle", "addresses": "mid.json", "depends_on": ["echo"]},
    }});
    let folder = folder.with("system.json", system);
    let mut up = start(&folder, "up system.json --record run.sfr");
    up.wait_for("middle is ready");
    assert_eq!(call(&folder, "mid", "mid", "hi"), json!({"echo": "hihi!"}));
    let finished = up.finish_by(Signal::INT);
    assert_eq!(finished.code, Some(0), "{}", finished.text());
    let messages = inspect(&folder, "");
    let mut all = passed(&messages);
    all.sort();
    let mut expected = vec![
        "middle in.mid in request",
        "middle in.mid out reply",
        "middle out.echo out request",
        "middle out.echo in reply",
        "middle out.echo out request",
        "middle out.echo in reply",
        "echo in.echo in request",
        "echo in.echo out reply",
        "echo in.echo in request",
        "echo in.echo out reply",
    ];
    expected.sort_unstable();
    assert_eq!(all, expected);
    let id = messages[0]["workflow_id"].as_str().unwrap();
    let tree = launched(&folder, &format!("inspect run.sfr --workflow {id}")).stdout;
    let names: Vec<_> =
        tree.lines().skip(1).map(|line| line.split("  ").skip(1).collect::<Vec<_>>()).collect();
    let depth = |name: &str| {
        let line =
            tree.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name} in {tree}"));
        line.find(['→', '←']).unwrap()
    };
    let depths = ["→ middle in.mid", "← middle out.echo", "→ echo in.echo"].map(depth);
    assert!(depths[0] < depths[1] && depths[1] < depths[2], "{names:?} in {tree}");
    assert_eq!(tree.lines().count(), 6, "{tree}");
    let summary = json(&launched(&folder, "inspect run.sfr --summary --json").stdout);
    let of_mid = summary["connections"].as_array().unwrap().iter().find(|row| row["connection"] == "in.mid");
    assert_eq!((&of_mid.unwrap()["in"], &of_mid.unwrap()["out"]), (&json!(1), &json!(1)), "{summary}");
    assert_eq!(inspect(&folder, "--service echo --kind request").len(), 2);
    assert_eq!(
        inspect(&folder, "--grep hi!").len(),
        2 + 2 + 1,
        "two ends of a request and its reply, and the last"
    );
}

#[test]
fn what_runs_and_what_comes_is_recorded_until_ctrl_c() {
    let folder = folder();
    let echo = serve(&folder, "-s echo_replyer -a echo.json");
    let recording = start(&folder, "record -o run.sfr --connection echo --json");
    wait_until("the recording has begun", || {
        call(&folder, "echo", "echo", "before");
        !folder.launch("inspect run.sfr --json").stdout.is_empty()
    });
    end(echo);
    // Another run of the same service.
    let echo = serve(&folder, "-s echo_replyer -a echo.json");
    wait_until("the second run is recorded", || {
        call(&folder, "echo", "echo", "after");
        folder.launch("inspect run.sfr --json --grep after").stdout.lines().count() > 0
    });
    let finished = recording.finish_by(Signal::INT);
    assert_eq!(finished.code, Some(0), "{}", finished.text());
    let summary = finished.object();
    assert_eq!((&summary["services"], &summary["dropped"]), (&json!(2), &json!(0)), "{summary}");
    assert_eq!(summary["messages"].as_u64().unwrap(), inspect(&folder, "").len() as u64);
    end(echo);
}

#[test]
fn a_recorder_that_is_killed_leaves_a_file_that_is_read() {
    let folder = folder();
    let echo = serve(&folder, "-s echo_replyer -a echo.json");
    let mut recording = start(&folder, "record echo_replyer -o run.sfr");
    wait_until("the recording has begun", || {
        call(&folder, "echo", "echo", "hi");
        !folder.launch("inspect run.sfr --json").stdout.is_empty()
    });
    let before = inspect(&folder, "").len();
    call(&folder, "echo", "echo", "more");
    wait_for_messages(&folder, before + 2);
    recording.end_by(Signal::KILL);
    assert!(inspect(&folder, "").len() >= before + 2);
    // The service has noticed nothing, and can be recorded again.
    call(&folder, "echo", "echo", "still");
    assert_eq!(folder.launch("record -o second.sfr --for 1ms").code, Some(0));
    end(echo);
}

#[test]
fn without_bodies_what_is_said_stays_out() {
    let folder = folder();
    let echo = serve(&folder, "-s echo_replyer -a echo.json");
    let recording = start(&folder, "record -o run.sfr --without_bodies");
    wait_until("the recording has begun", || {
        call(&folder, "echo", "echo", "secret");
        !folder.launch("inspect run.sfr --json").stdout.is_empty()
    });
    assert_eq!(recording.finish_by(Signal::INT).code, Some(0));
    end(echo);
    assert!(inspect(&folder, "").iter().all(|message| message["args"].is_null() && message["size"] != 0));
    let bytes = fs::read(folder.path("run.sfr")).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"secret"));
    let replayed = folder.launch(&format!("replay run.sfr --to {}", at(&folder, "echo")));
    assert_eq!(replayed.code, Some(2), "{replayed:?}");
    assert!(replayed.stderr.contains("--without_bodies"), "{}", replayed.stderr);
}

#[test]
fn mistakes_are_said_in_words() {
    let folder = folder().with("text.sfr", "this is no database at all");
    for (line, words) in [
        ("record", "-o FILE"),
        ("inspect absent.sfr", "there is no such file"),
        ("inspect text.sfr", "this is no recording"),
        ("replay text.sfr --speed fast", "a number over 0"),
        ("inspect text.sfr --kind reqest", "request"),
    ] {
        let ended = folder.launch(line);
        assert_eq!(ended.code, Some(2), "{line}: {ended:?}");
        assert!(ended.stderr.contains(words), "{line}: {}", ended.stderr);
    }
    let nowhere = folder.launch("record -o nowhere/run.sfr");
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
}

#[test]
fn a_service_of_any_language_is_recorded_as_any_other() {
    let folder = folder();
    let words = root().join("examples/services/ideas/commands/words.json");
    let addresses = json!({"in": {"count": {"replyer": at(&folder, "words")}}});
    let folder = folder.with("words.json", addresses);
    let service = serve(&folder, &format!("-s {} -a words.json --record run.sfr", words.display()));
    let line = format!(r#"call {} count {{"text":"one"}} --timeout 60s"#, at(&folder, "words"));
    assert!(launched(&folder, &line).stdout.contains("one"));
    end(service);
    let kinds: Vec<_> = inspect(&folder, "").iter().map(|message| message["kind"].clone()).collect();
    assert_eq!(kinds, ["request", "reply"]);
}

#[test]
fn without_room_for_it_the_recording_ends_and_is_read() {
    let folder = folder();
    let echo = serve(&folder, "-s echo_replyer -a echo.json");
    // In blocks of 1,024 bytes, or of 512: the first tables have room.
    let limited = format!("ulimit -f 256; exec {LAUNCHER} record -o run.sfr");
    let recording = Process::start(folder.command("/bin/sh").args(["-c", &limited]));
    wait_until("the recording has begun", || {
        call(&folder, "echo", "echo", "hi");
        !folder.launch("inspect run.sfr --json").stdout.is_empty()
    });
    let large = "x".repeat(100_000);
    for _ in 0..5 {
        call(&folder, "echo", "echo", &large);
    }
    let finished = recording.finish();
    assert_eq!(finished.code, Some(1), "{}", finished.text());
    assert!(finished.text().contains("what was written before is there"), "{}", finished.text());
    assert!(inspect(&folder, "").len() >= 2);
    end(echo);
}

#[test]
fn a_silent_service_holds_nobody_up_and_what_is_missing_is_told() {
    let folder = folder();
    let (echo, silent) =
        (serve(&folder, "-s echo_replyer -a echo.json"), serve(&folder, "-s middle -a mid.json"));
    silent.signal(Signal::STOP);
    let mut recording = start(&folder, "record echo_replyer middle nobody -o run.sfr");
    wait_until("the one that answers is recorded", || {
        call(&folder, "echo", "echo", "hi");
        folder.launch("inspect run.sfr --json").stdout.contains("echo_replyer")
    });
    recording.wait_for("does not answer; it is recorded from when it does");
    recording.wait_for("recorded once it comes: nobody");
    silent.signal(Signal::CONT);
    wait_until("the other is recorded, too", || {
        let address = at(&folder, "mid");
        let _ = folder.launch(&format!("call {address} mid {{\"payload\":\"hi\"}} --timeout 60s"));
        folder.launch("inspect run.sfr --json").stdout.contains("\"middle\"")
    });
    let finished = recording.finish_by(Signal::INT);
    assert_eq!(finished.code, Some(1), "{}", finished.text());
    assert!(finished.text().contains("nothing came that is called nobody"), "{}", finished.text());
    end(silent);
    end(echo);
}

#[test]
fn a_full_disk_ends_the_recording_at_once_and_the_system_goes_on() {
    let folder = folder();
    let system = json!({"services": {"echo": {"service": "echo_replyer", "addresses": "echo.json"}}});
    let folder = folder.with("system.json", system);
    // As full as a disk can be for one process: files may have 256 KiB.
    let script = "trap '' XFSZ; ulimit -f 512; exec \"$0\" up system.json --record run.sfr";
    let mut up = Process::start(folder.command("/bin/sh").args(["-c", script, LAUNCHER]));
    up.wait_for("ready service=echo_replyer");
    call(&folder, "echo", "echo", "hi");
    wait_for_messages(&folder, 2);
    let payload = "x".repeat(10_000);
    for _ in 0..30 {
        call(&folder, "echo", "echo", &payload);
    }
    up.wait_for("nothing is recorded any more");
    assert_eq!(call(&folder, "echo", "echo", "hi"), json!({"echo": "hi"}));
    let finished = up.finish_by(Signal::INT);
    assert_eq!(finished.code, Some(1), "{}", finished.text());
    assert!(finished.text().contains("the recording is not whole"), "{}", finished.text());
    assert!(inspect(&folder, "").len() >= 2);
}
