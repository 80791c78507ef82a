//! A server that is killed at any point leaves nothing half done: real processes, commands as hooks, a store on disk.

use std::cmp::Ordering;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use rustix::process::Signal;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::folder::LAUNCHER;
use crate::support::{Process, free_address, launcher, wait_until, wait_until_gone};

/// A folder with a spec of four steps, each a command that writes what it does into a ledger.
struct Shop {
    folder: TempDir,
}

const STEPS: [&str; 4] = ["reserve", "charge", "pack", "ship"];

impl Shop {
    fn open(on_crash: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut hooks, mut bindings) = (json!({}), json!({}));
        for step in STEPS {
            let undo = format!("undo_{step}");
            hooks[step] = json!({"reference": format!("shop.{step}"), "args": {}, "rectifiers": [undo], "idempotent": step == "pack"});
            hooks[&undo] = json!({"reference": format!("shop.{undo}"), "args": {}, "idempotent": true});
            // A step says that it has begun, as which process, and waits until it may end.
            let script = format!(
                "echo $$ > pid; touch began_{step}; until [ -e may_{step} ]; do sleep 0.01; done; echo {step} >> ledger; cat"
            );
            bindings[step] = json!({"command": ["sh", "-c", script]});
            bindings[&undo] = json!({"command": ["sh", "-c", format!("echo {undo} >> ledger; cat")]});
        }
        hooks["look"] = json!({"reference": "shop.look", "args": {}});
        bindings["look"] = json!({"command": ["cat"]});
        let spec = json!({"name": "shop", "hooks": hooks, "programs": {
            "buy": {"hooks": STEPS, "args": {}, "outputs": {}, "on_crash": on_crash},
            // It has the same lock.
            "look": {"hooks": ["look"], "args": {}, "outputs": {}},
        }});
        fs::write(folder.path().join("ryu_spec.json"), spec.to_string()).unwrap();
        fs::write(folder.path().join("hooks.json"), bindings.to_string()).unwrap();
        fs::write(folder.path().join("ledger"), "").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = launcher();
        command.current_dir(self.folder.path()).args(line.split_whitespace());
        command
    }

    /// A server, and where it listens.
    fn serve(&self) -> (Process, String) {
        self.serve_with("")
    }

    fn serve_with(&self, more: &str) -> (Process, String) {
        let lease = if more.contains("--lease") { "" } else { "--lease 300ms" };
        let line = format!("program serve --port 0 {lease} --log_format json {more}");
        self.serve_by(self.command(&line))
    }

    fn serve_by(&self, mut command: Command) -> (Process, String) {
        let mut server = Process::start(&mut command);
        let line: Json = serde_json::from_str(&server.wait_for("serving programs")).unwrap();
        let address = find(&line, "address").unwrap_or_else(|| panic!("no address: {line}"));
        (server, address)
    }

    fn ledger(&self) -> Vec<String> {
        fs::read_to_string(self.path("ledger")).unwrap().lines().map(str::to_owned).collect()
    }

    /// Waits until the command of a step waits, and says which process it is.
    fn wait_in(&self, step: &str) -> String {
        wait_until("the step has begun", || self.path(&format!("began_{step}")).exists());
        fs::read_to_string(self.path("pid")).unwrap().trim().to_owned()
    }

    fn allow(&self, step: &str) {
        fs::write(self.path(&format!("may_{step}")), "").unwrap();
    }

    fn status(&self, program: &str) -> String {
        let run = self.runs().into_iter().find(|run| run["program"] == program).unwrap();
        run["status"].as_str().unwrap().to_owned()
    }

    fn runs(&self) -> Vec<Json> {
        let output = self.command("program list --json").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn find(line: &Json, key: &str) -> Option<String> {
    match line {
        Json::Object(entries) => entries.iter().find_map(|(name, value)| match value.as_str() {
            Some(text) if name == key => Some(text.to_owned()),
            _ => find(value, key),
        }),
        _ => None,
    }
}

fn ask(address: &str, program: &str) -> thread::JoinHandle<String> {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{}", json!({"program": program, "data_pool": {}})).unwrap();
    thread::spawn(move || {
        let mut answer = String::new();
        // There is one only if the server lives to give it.
        let _ = stream.read_to_string(&mut answer);
        answer
    })
}

fn count(ledger: &[String], name: &str) -> usize {
    ledger.iter().filter(|line| *line == name).count()
}

/// What the ledger says after a server was killed while it was in this step, and another one took its run up.
fn check(shop: &Shop, on_crash: &str, in_step: usize) {
    let (ledger, status) = (shop.ledger(), shop.status("buy"));
    let resumes = on_crash == "resume" && STEPS[in_step] == "pack";
    assert_eq!(
        status,
        if resumes { "done" } else { "rectified" },
        "{on_crash}, in {}: {ledger:?}",
        STEPS[in_step]
    );
    for (place, step) in STEPS.iter().enumerate() {
        let (did, undid) = (count(&ledger, step), count(&ledger, &format!("undo_{step}")));
        // The command that was running did not come to its end; nobody knows, so it is undone.
        let expected = match (resumes, place.cmp(&in_step)) {
            (true, _) => (1, 0),
            (false, Ordering::Less) => (1, 1),
            (false, Ordering::Equal) => (0, 1),
            (false, Ordering::Greater) => (0, 0),
        };
        assert_eq!((did, undid), expected, "{on_crash}, in {}: {step} in {ledger:?}", STEPS[in_step]);
    }
}

#[test]
fn whenever_a_server_is_killed_the_next_one_ends_its_runs() {
    for on_crash in ["rectify", "resume"] {
        for in_step in 0..STEPS.len() {
            let shop = Shop::open(on_crash);
            let (mut server, address) = shop.serve();
            let asked = ask(&address, "buy");
            STEPS[..in_step].iter().for_each(|step| shop.allow(step));
            let pid = shop.wait_in(STEPS[in_step]);
            server.end_by(if in_step == 1 { Signal::ABORT } else { Signal::KILL });
            assert_eq!(asked.join().unwrap(), "");
            // The command does not outlive its server, and does nothing after it was undone.
            wait_until_gone(&pid);
            STEPS.iter().for_each(|step| shop.allow(step));
            let (server, address) = shop.serve();
            // Who wants the lock that the killed run has gets it when that is over.
            assert_eq!(ask(&address, "look").join().unwrap(), "{}");
            wait_until("the run has ended", || shop.status("buy") != "running");
            assert_eq!(server.finish_by(Signal::TERM).code, Some(0));
            check(&shop, on_crash, in_step);
        }
    }
}

#[test]
fn a_server_that_is_stopped_ends_its_runs_first() {
    let shop = Shop::open("rectify");
    let (server, address) = shop.serve();
    let asked = ask(&address, "buy");
    shop.allow("reserve");
    wait_until("a step has begun", || shop.path("began_charge").exists());
    server.signal(Signal::TERM);
    STEPS.iter().for_each(|step| shop.allow(step));
    let finished = server.finish();
    assert_eq!(asked.join().unwrap(), "{}");
    assert_eq!(finished.code, Some(0), "{}", finished.text());
    assert_eq!(shop.ledger(), STEPS);
    assert_eq!(shop.status("buy"), "done");
}

#[test]
fn a_server_whose_runs_have_not_ended_says_so_by_its_exit_code() {
    for more in ["", "-a addresses.json"] {
        let shop = Shop::open("rectify");
        let at = || json!({"replyer": free_address()});
        fs::write(shop.path("addresses.json"), json!({"in": {"buy": at(), "look": at()}}).to_string())
            .unwrap();
        let (server, address) = shop.serve_with(&format!("--grace 200ms --lease 1h {more}"));
        let asked = ask(&address, "buy");
        let pid = shop.wait_in("reserve");
        let finished = server.finish_by(Signal::TERM);
        assert_eq!(finished.code, Some(1), "{more}: {}", finished.text());
        let run = shop.runs()[0]["run"].as_str().unwrap().to_owned();
        let answer: Json = serde_json::from_str(&asked.join().unwrap()).unwrap();
        let told = answer["_server_error"].as_str().unwrap();
        assert!(told.contains(&run) && told.contains("has not ended"), "{told}");
        assert!(finished.text().contains(&run), "{}", finished.text());
        assert_eq!(shop.status("buy"), "running");
        wait_until_gone(&pid);
        // The next one takes it up at once, however long the lease would have been.
        let (server, _) = shop.serve();
        wait_until("it is undone", || shop.status("buy") == "rectified");
        assert_eq!(server.finish_by(Signal::TERM).code, Some(0));
    }
}

#[test]
fn a_server_whose_terminal_is_gone_ends_as_if_it_were_asked_to() {
    let shop = Shop::open("rectify");
    // Whoever runs the tests may ignore the signal.
    let mut command = Command::new("env");
    command.current_dir(shop.folder.path()).args(["--default-signal=HUP", LAUNCHER]);
    command.args(["program", "serve", "--port", "0", "--log_format", "json"]);
    let (server, address) = shop.serve_by(command);
    let asked = ask(&address, "buy");
    shop.wait_in("reserve");
    server.signal(Signal::HUP);
    STEPS.iter().for_each(|step| shop.allow(step));
    assert_eq!(server.finish().code, Some(0));
    assert_eq!((asked.join().unwrap().as_str(), shop.status("buy").as_str()), ("{}", "done"));

    // As `nohup` starts it.
    let mut command = Command::new("sh");
    let line = "trap '' HUP; exec \"$0\" program serve --port 0 --log_format json";
    command.current_dir(shop.folder.path()).args(["-c", line]).arg(LAUNCHER);
    let (server, address) = shop.serve_by(command);
    server.signal(Signal::HUP);
    assert_eq!(ask(&address, "look").join().unwrap(), "{}");
    assert_eq!(server.finish_by(Signal::TERM).code, Some(0));
}

#[test]
fn a_server_that_was_paused_past_its_lease_ends_its_commands() {
    let shop = Shop::open("rectify");
    let (paused, address) = shop.serve();
    let asked = ask(&address, "buy");
    let pid = shop.wait_in("reserve");
    paused.signal(Signal::STOP);
    let (server, _) = shop.serve();
    wait_until("it is undone", || shop.status("buy") == "rectified");
    paused.signal(Signal::CONT);
    wait_until_gone(&pid);
    STEPS.iter().for_each(|step| shop.allow(step));
    assert!(asked.join().unwrap().contains("another server has taken over"));
    assert_eq!(paused.finish_by(Signal::TERM).code, Some(0));
    assert_eq!(server.finish_by(Signal::TERM).code, Some(0));
    assert_eq!(shop.ledger(), ["undo_reserve"]);
}

#[test]
fn what_a_run_that_was_cut_off_has_locked_the_next_one_gets() {
    let shop = Shop::open("rectify");
    let mut cut_off = Process::start(&mut shop.command("program run buy"));
    let pid = shop.wait_in("reserve");
    let run = shop.runs()[0]["run"].as_str().unwrap().to_owned();
    cut_off.end_by(Signal::KILL);
    wait_until_gone(&pid);
    let cancelled = shop.command(&format!("program cancel {run}")).output().unwrap();
    let said = String::from_utf8_lossy(&cancelled.stdout).into_owned();
    assert!(said.contains("as soon as a server or `program run`"), "{said}");
    let next = Process::start(&mut shop.command("program run look")).finish();
    assert_eq!(next.code, Some(0), "{}", next.text());
    let waits = format!("waits for the lock \"*\", which run {run} of buy has, whose process is gone");
    assert!(next.text().contains(&waits), "{}", next.text());
    assert!(
        next.text().contains(&format!("run {run} of buy was cut off, and is taken up")),
        "{}",
        next.text()
    );
    // Whose steps are whose is told: those of the run that was asked for bear no name.
    let of_other = |line: &&String| line.contains(&format!("of run {run}"));
    let undone: Vec<_> = next.lines.iter().filter(of_other).collect();
    assert!(
        !undone.is_empty() && undone.iter().all(|line| line.contains("<- shop.undo_reserve")),
        "{}",
        next.text()
    );
    assert_eq!((shop.status("buy").as_str(), shop.ledger()), ("rectified", vec!["undo_reserve".to_owned()]));
}

#[test]
fn who_cuts_a_run_off_is_told_what_becomes_of_it() {
    let shop = Shop::open("rectify");
    let mut running = Process::start(&mut shop.command("program run buy"));
    let pid = shop.wait_in("reserve");
    let run = shop.runs()[0]["run"].as_str().unwrap().to_owned();
    running.signal(Signal::INT);
    running.wait_for("once more ends it at once");
    let finished = running.finish_by(Signal::INT);
    assert_eq!(finished.code, Some(130), "{}", finished.text());
    let told = format!("run {run} is cut off in shop.reserve");
    assert!(finished.text().contains(&told), "{}", finished.text());
    wait_until_gone(&pid);
}
