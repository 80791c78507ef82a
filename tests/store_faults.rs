//! Stores whose writers are killed, fenced and out of room.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use service_framework::store::{Batch, Expected, Filter, Location, NewEvent, Store};
use tempfile::TempDir;

use crate::folder::LAUNCHER;
use crate::schema::Schema;

/// A writer in a process of its own, which is killed when this goes.
struct Writer {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    fn start(what: &str, location: &str, more: &[&str]) -> Self {
        let program = Path::new(LAUNCHER).parent().unwrap().join("examples/store_writer");
        let mut command = Command::new(program);
        command.args([what, location]).args(more).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, lines: BufReader::new(stdout).lines() }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// Kills it in whatever it does; what it still said.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.lines.by_ref().map_while(Result::ok).collect()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with the path of a store.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    (folder, path)
}

fn open(path: &Path) -> Store {
    Store::open(&Location::File(path.to_owned())).unwrap()
}

/// Waits for whoever writes to this stream.
fn look(store: &Store, stream: &str) {
    store.commit(Batch::new().append(stream, Expected::Any, [])).unwrap();
}

/// Notes what a writer said was acknowledged: a thread and its version.
fn note(acknowledged: &mut BTreeMap<u64, u64>, line: &str) {
    let mut numbers = line.split(' ').map(|number| number.parse().unwrap());
    acknowledged.insert(numbers.next().unwrap(), numbers.next().unwrap());
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    let (_folder, path) = place();
    kill_again_and_again(path.to_str().unwrap());
}

#[test]
fn nothing_acknowledged_in_postgres_is_lost_by_a_kill() {
    if let Some(schema) = Schema::new() {
        kill_again_and_again(&schema.location);
    }
}

/// Kills a writer in whatever it does, ten times, and looks at what is there each time.
fn kill_again_and_again(location: &str) {
    const THREADS: u64 = 4;
    let mut acknowledged = BTreeMap::new();
    for round in 0..10 {
        let mut writer = Writer::start("pairs", location, &[&THREADS.to_string()]);
        (0..1 + round * 7).for_each(|_| note(&mut acknowledged, &writer.line()));
        writer.kill().iter().for_each(|line| note(&mut acknowledged, line));
        let store = Store::open(&location.parse().unwrap()).unwrap();
        // What it had sent is over when another writer had its turn after it.
        (0..THREADS).for_each(|thread| look(&store, &format!("left-{thread}")));
        assert_eq!(store.verify().unwrap(), []);
        for (thread, version) in &acknowledged {
            let head = store.head(&format!("left-{thread}")).unwrap();
            assert!(
                head >= *version,
                "round {round}, thread {thread}: {version} was acknowledged, {head} is there"
            );
        }
        for thread in 0..THREADS {
            let [left, right] =
                ["left", "right"].map(|side| store.head(&format!("{side}-{thread}")).unwrap());
            assert_eq!(left, right, "round {round}: half a batch");
            let status = store.stream(&format!("left-{thread}")).unwrap().map(|info| info.mark.status);
            let expected = (left > 0).then(|| if left % 2 == 0 { "even" } else { "odd" }.to_owned());
            assert_eq!(status, expected);
        }
    }
    assert!(acknowledged.values().sum::<u64>() > 300);
}

#[test]
fn two_processes_write_to_one_file() {
    let (_folder, path) = place();
    let location = path.to_str().unwrap();
    let mut writers = [Writer::start("pairs", location, &["2"]), Writer::start("fill", location, &[])];
    (0..50).for_each(|_| drop(writers[0].line()));
    writers[1].line();
    let written: u64 = writers[1].line().parse().unwrap();
    (0..50).for_each(|_| drop(writers[0].line()));
    drop(writers);
    let store = open(&path);
    assert_eq!(store.head("a").unwrap(), written);
    assert_eq!(store.verify().unwrap(), []);
    assert_eq!(store.streams(&Filter::category("pair"), None, 10).unwrap().len(), 2);
}

#[test]
fn a_stale_process_writes_nothing() {
    let (_folder, path) = place();
    let mut stale = Writer::start("stale", path.to_str().unwrap(), &[]);
    assert_eq!(stale.line(), "epoch 1");
    let store = open(&path);
    let lease = store.acquire("lease", "fresh", Duration::from_secs(600)).wait().unwrap();
    let event = NewEvent::new("fresh", b"");
    store.commit(Batch::new().fence("lease", lease.epoch).append("a", Expected::Any, [event])).unwrap();
    stale.stdin.write_all(b"go on\n").unwrap();
    assert_eq!(stale.line(), "lease \"lease\" was taken over: my epoch is 1, it is 2 now");
    let kinds: Vec<_> = store.read("a", 1, 10).unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["fresh"]);
}

#[test]
fn a_disk_without_room_writes_nothing_and_the_store_goes_on() {
    let (_folder, path) = place();
    let mut writer = Writer::start("fill", path.to_str().unwrap(), &[]);
    let line = writer.line();
    let mut words = line.splitn(3, ' ');
    let acknowledged: u64 = words.next().unwrap().parse().unwrap();
    assert!(acknowledged > 5, "{line}");
    assert_eq!(words.next(), Some("true"));
    assert!(words.next().unwrap().starts_with("nothing was written to "), "{line}");
    assert_eq!(writer.line(), (acknowledged + 1).to_string());
    drop(writer);
    let store = open(&path);
    assert_eq!(store.head("a").unwrap(), acknowledged + 1);
    assert_eq!(store.verify().unwrap(), []);
}
