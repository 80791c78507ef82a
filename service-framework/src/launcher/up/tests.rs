//! Systems of real processes: shell scripts, started by a script in the launcher's place.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::*;

/// Called as `launcher -s SERVICE ...`, runs the script SERVICE with the rest.
const LAUNCHER: &str = "#!/bin/sh\nservice=$2\nshift 2\nexec sh \"$service\" \"$@\"\n";

/// A folder with scripts, a launcher that runs them, and the system file.
struct Systems {
    folder: TempDir,
    services: serde_json::Map<String, Json>,
    options: UpOptions,
}

/// What a run showed and returned.
struct Shown {
    code: u8,
    out: String,
    err: String,
    private_folder: PathBuf,
}

impl Systems {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let launcher = folder.path().join("launcher");
        fs::write(&launcher, LAUNCHER).unwrap();
        fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755)).unwrap();
        let options = UpOptions {
            dashboard: None,
            files: vec![folder.path().join("system.json")],
            is_developed: false,
            is_detached: false,
            is_watched: false,
            record: None,
            words: vec![],
            seconds: None,
            color: Color::Auto,
            json: false,
            for_all: vec![],
        };
        Systems { folder, services: serde_json::Map::new(), options }
    }

    /// Adds a service: its script, and further keys of its entry.
    fn with(mut self, name: &str, script: &str, keys: Json) -> Self {
        fs::write(self.folder.path().join(format!("{name}.sh")), script).unwrap();
        let mut entry = json!({ "service": format!("./{name}.sh") });
        for (key, value) in keys.as_object().unwrap() {
            entry[key] = value.clone();
        }
        self.services.insert(name.to_owned(), entry);
        self
    }

    fn run(&self) -> Shown {
        self.run_until("never shown", 1, Event::Signal)
    }

    /// Runs the system; when `text` was shown so many `times`, the `event` happens.
    fn run_until(&self, text: &'static str, times: usize, event: Event) -> Shown {
        self.run_while(text, times, event, |_| {})
    }

    /// The same, with somebody beside it who sends further events.
    fn run_while(
        &self,
        text: &'static str,
        times: usize,
        event: Event,
        beside: impl FnOnce(Sender<Event>) + Send,
    ) -> Shown {
        fs::write(&self.options.files[0], json!({ "services": self.services }).to_string()).unwrap();
        let plan = Plan::unchecked(System::load(&self.options.files));
        let (out, err) = (Recorder::default(), Recorder::default());
        let look = Look { json: self.options.json, ..Look::default() };
        let screen = Screen::new(plan.names(), look, Box::new(out.clone()), Box::new(err.clone()));
        let launcher = self.folder.path().join("launcher");
        let session = Session::new(&launcher, &plan, screen).unwrap();
        let private_folder = session.folder.path().to_owned();
        out.0.lock().unwrap().trigger = Some((text, times, event, session.sender.clone()));
        let sender = session.sender.clone();
        let code = std::thread::scope(|scope| {
            scope.spawn(|| beside(sender));
            session.run(&plan, &self.options, None).unwrap()
        });
        drop(session);
        Shown { code, out: out.text(), err: err.text(), private_folder }
    }
}

/// A stream that keeps what is written, and sends an event once it has seen a text so many times.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    bytes: Vec<u8>,
    trigger: Option<(&'static str, usize, Event, Sender<Event>)>,
}

impl Recorder {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().bytes.clone()).unwrap()
    }
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut recorded = self.0.lock().unwrap();
        recorded.bytes.extend_from_slice(bytes);
        let text = String::from_utf8_lossy(&recorded.bytes).into_owned();
        if let Some((_, _, event, sender)) =
            recorded.trigger.take_if(|(wanted, times, ..)| text.matches(*wanted).count() >= *times)
        {
            sender.send(event).unwrap();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The summary's rows without their times.
fn endings(shown: &Shown) -> Vec<String> {
    let table = shown.out.split("service  ").last().unwrap_or_default();
    let without_time = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        format!("{}: {}", words[0], words[3..].join(" "))
    };
    table.lines().skip(1).map(without_time).collect()
}

const WAITS: &str = "echo ready; exec sleep 600";

#[test]
fn lines_carry_names_and_all_ends_well() {
    let systems = Systems::new().with("sensor", "echo 'load 0.5'; echo 'to the log' >&2", json!({})).with(
        "a",
        "printf 'no end of line'",
        json!({ "main_mode": true }),
    );
    let shown = systems.run();
    assert_eq!(shown.code, 0);
    assert!(shown.out.contains("sensor | load 0.5\n"), "{}", shown.out);
    assert!(shown.out.contains("a      | no end of line\n"), "{}", shown.out);
    assert!(shown.err.contains("sensor | to the log\n"), "{}", shown.err);
    assert!(shown.err.contains("up     | starting sensor, a; Ctrl-C ends all\n"), "{}", shown.err);
    assert_eq!(endings(&shown), ["sensor: ended by itself", "a: ended by itself"]);
}

#[test]
fn the_first_failure_ends_all_and_is_the_exit_code() {
    let systems = Systems::new()
        .with("stays", WAITS, json!({}))
        .with("breaks", "echo 'no disk' >&2; exit 7", json!({}))
        .with("also", WAITS, json!({}));
    let shown = systems.run();
    assert_eq!(shown.code, 7);
    assert!(shown.err.contains("up     | breaks failed with exit code 7 after 0."), "{}", shown.err);
    let told = "up     | the last lines of breaks, which failed first:\nbreaks | no disk\n";
    assert!(shown.err.ends_with(told), "{}", shown.err);
    assert_eq!(
        endings(&shown),
        ["stays: stopped when asked", "breaks: failed with exit code 7", "also: stopped when asked"]
    );
}

#[test]
fn a_signal_stops_the_last_one_first_and_each_after_the_other() {
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
    let systems = Systems::new().with("one", script, json!({})).with("two", script, json!({})).with(
        "three",
        script,
        json!({}),
    );
    let shown = systems.run_until("ready", 3, Event::Signal);
    assert_eq!(shown.code, 0);
    let byes: Vec<&str> = shown.out.lines().filter(|line| line.ends_with("bye")).collect();
    assert_eq!(byes, ["three | bye", "two   | bye", "one   | bye"]);
}

#[test]
fn whoever_does_not_end_in_time_is_killed_and_the_rest_is_hurried() {
    let stubborn = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let systems =
        Systems::new().with("first", WAITS, json!({})).with("stubborn", stubborn, json!({ "grace": "50ms" }));
    let shown = systems.run_until("ready", 2, Event::Signal);
    assert_eq!(shown.code, 1);
    assert!(shown.err.contains("up       | stubborn did not end within 0.05 s: killed\n"), "{}", shown.err);
    let killed = "stubborn: was killed: it did not end within 0.1 s";
    assert_eq!(endings(&shown), ["first: stopped when asked", killed]);
}

#[test]
fn the_time_can_be_limited() {
    let mut systems = Systems::new().with("a", WAITS, json!({}));
    systems.options.seconds = Some(Duration::from_millis(50));
    let shown = systems.run();
    assert_eq!(shown.code, 0);
    assert!(shown.err.contains("up | the time is up: stopping all\n"), "{}", shown.err);
    assert_eq!(endings(&shown), ["a: stopped when asked"]);
}

#[test]
fn a_service_gets_what_its_entry_says() {
    let script = r#"
        while [ $# -gt 0 ]; do
            case $1 in
                -a|-c) echo "$1"; cat "$2"; stat -c %a "$2"; shift ;;
                *) echo "arg $1" ;;
            esac
            shift
        done
        echo "COLOUR=$COLOUR EXECED=$SERVICE_FRAMEWORK_EXECED"
    "#;
    let mut systems = Systems::new().with(
        "a",
        script,
        json!({
            "addresses": { "out": {} }, "config": { "every": "1s" }, "main_mode": true, "grace": 2.5,
            "args": ["--rate", "5 per second"], "environment": { "COLOUR": "blue" },
        }),
    );
    systems.options.for_all = vec!["--log_format=json".to_owned()];
    let shown = systems.run();
    let lines: Vec<&str> = shown.out.lines().filter_map(|line| line.strip_prefix("a  | ")).collect();
    assert_eq!(
        lines.join("\n"),
        "-a\n{\n  \"out\": {}\n}\n600\n-c\n{\n  \"every\": \"1s\"\n}\n600\narg -m\narg --grace=2.5s\n\
         arg --log_format=json\narg --rate\narg 5 per second\nCOLOUR=blue EXECED="
    );
    assert!(!shown.private_folder.exists(), "temporary files stay behind");
}

#[test]
fn what_a_service_leaves_behind_ends_with_it() {
    let systems = Systems::new().with("a", "sleep 600 & echo $!", json!({}));
    let shown = systems.run();
    let left = shown.out.lines().next().unwrap().strip_prefix("a  | ").unwrap().to_owned();
    assert_eq!(shown.code, 0);
    let state = fs::read_to_string(format!("/proc/{left}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "process {left} lives on: {state}");
}

#[test]
fn what_cannot_be_started_is_a_failure() {
    let systems = Systems::new().with("a", WAITS, json!({})).with("b", WAITS, json!({}));
    fs::remove_file(systems.folder.path().join("launcher")).unwrap();
    let shown = systems.run();
    assert_eq!(shown.code, 1);
    let rows = endings(&shown);
    assert!(rows[0].starts_with("a: could not be started: No such file"), "{rows:?}");
    assert_eq!(rows[1], "b: was not started");
}

#[test]
fn lines_of_many_services_are_never_mixed() {
    let script =
        "i=0; while [ $i -lt 300 ]; do echo \"line $i of $0\"; echo \"line $i of $0\" >&2; i=$((i+1)); done";
    let systems =
        ["a", "b", "c"].iter().fold(Systems::new(), |systems, name| systems.with(name, script, json!({})));
    let shown = systems.run();
    for name in ["a", "b", "c"] {
        let script = systems.folder.path().join(format!("{name}.sh"));
        let wanted: Vec<String> =
            (0..300).map(|i| format!("{name}  | line {i} of {}", script.display())).collect();
        for stream in [&shown.out, &shown.err] {
            let of_name = stream.lines().filter(|line| line.contains(".sh") && line.starts_with(name));
            assert!(of_name.eq(&wanted), "lines of {name} are mixed, lost or out of order");
        }
    }
}

#[test]
fn for_programs_every_line_is_json() {
    let mut systems = Systems::new().with(
        "a",
        r#"echo plain; echo '{"level": "INFO"}' >&2; kill -9 $$"#,
        json!({ "main_mode": true }),
    );
    systems.options.json = true;
    let shown = systems.run();
    let objects =
        |text: &str| -> Vec<Json> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let (out, err) = (objects(&shown.out), objects(&shown.err));
    assert_eq!(out[0], json!({ "service": "a", "stream": "stdout", "line": "plain" }));
    assert_eq!(err[1], json!({ "service": "a", "stream": "stderr", "line": { "level": "INFO" } }));
    assert_eq!(out[1]["summary"][0]["end"], "was ended by signal 9 (SIGKILL)");
    assert_eq!((shown.code, &out[1]["summary"][0]["exit_code"]), (137, &json!(137)));
}

#[test]
fn nobody_left_to_read_ends_all() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let systems = Systems::new().with("a", WAITS, json!({}));
    let services = json!({ "services": systems.services }).to_string();
    fs::write(&systems.options.files[0], services).unwrap();
    let plan = Plan::unchecked(System::load(&systems.options.files));
    let screen = Screen::new(plan.names(), Look::default(), Box::new(Closed), Box::new(Closed));
    let launcher = systems.folder.path().join("launcher");
    let session = Session::new(Path::new(&launcher), &plan, screen).unwrap();
    assert_eq!(session.run(&plan, &systems.options, None).unwrap(), 0);
}

/// A script that notes each of its starts, and fails the first `failures` times.
fn failing(failures: u32) -> String {
    format!(
        "echo x >> \"$0.starts\"; n=$(wc -l < \"$0.starts\"); echo \"start $n\"; [ $n -gt {failures} ] || exit 3"
    )
}

#[test]
fn who_fails_is_started_again_as_its_entry_says() {
    let restart = json!({ "policy": "on-failure", "backoff": "1ms", "max_backoff": "5s" });
    let systems = Systems::new().with("a", &failing(3), json!({ "restart": restart }));
    let shown = systems.run();
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert_eq!(shown.out.matches("a  | start ").count(), 4);
    assert_eq!(shown.err.matches("starting a again in").count(), 3, "{}", shown.err);
    assert_eq!(endings(&shown), ["a: ended by itself, started again 3 times"]);
}

#[test]
fn who_fails_too_often_is_given_up_and_ends_all() {
    let restart =
        json!({ "policy": "on-failure", "backoff": "1ms", "max_backoff": "5s", "give_up_after": 2 });
    let systems =
        Systems::new().with("a", &failing(9), json!({ "restart": restart })).with("b", WAITS, json!({}));
    let shown = systems.run();
    assert_eq!(shown.code, 3, "{}", shown.err);
    assert!(shown.err.contains("up | a was started again 2 times in a row: given up\n"), "{}", shown.err);
    assert_eq!(endings(&shown)[0], "a: failed with exit code 3, started again 2 times");
    assert_eq!(endings(&shown)[1], "b: stopped when asked");
}

#[test]
fn who_always_comes_back_does_so_after_a_good_end_too() {
    let restart = json!({ "policy": "always", "backoff": "1ms" });
    let systems = Systems::new().with("a", "echo again", json!({ "restart": restart }));
    let shown = systems.run_until("again", 3, Event::Signal);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.matches("a  | again").count() >= 3, "{}", shown.out);
}

#[test]
fn what_others_depend_on_comes_first() {
    let systems = Systems::new().with("late", "echo late", json!({ "depends_on": ["early"] })).with(
        "early",
        "sleep 0.1; echo early",
        json!({}),
    );
    let shown = systems.run();
    assert_eq!(shown.code, 0, "{}", shown.err);
    let lines: Vec<&str> = shown.out.lines().filter(|line| line.contains(" | ")).collect();
    assert_eq!(lines, ["early | early", "late  | late"], "a job that has ended well lets others start");
}

#[test]
fn orders_are_carried_out_one_at_a_time() {
    let systems = Systems::new().with("a", WAITS, json!({})).with("b", WAITS, json!({}));
    let (reply, answer) = channel();
    let stop = Event::Asked { order: job::Order::Stop(vec![0]), reply };
    let shown = systems.run_while("ready", 2, stop, move |sender| {
        assert_eq!(answer.recv().unwrap(), Ok(Json::Null));
        let (reply, answer) = channel();
        sender.send(Event::Asked { order: job::Order::Down, reply }).unwrap();
        assert_eq!(answer.recv().unwrap(), Ok(Json::Null));
    });
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert_eq!(endings(&shown), ["a: stopped when asked", "b: stopped when asked"]);
    assert!(shown.err.contains("up | asked to stop a\n"), "{}", shown.err);
}
