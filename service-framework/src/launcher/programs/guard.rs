//! The guard: a process beside this one that outlives it, and kills the commands that it leaves behind.
//!
//! However this process ends, its end of a pipe closes, and the guard has the process groups that are on their way. It is a shell, so
//! that no program of anybody is started a second time.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

/// Takes lines: `? KEY`, a command with this key in its environment is about to start; `+ GROUP` and `! KEY`, it has; `- GROUP`, it
/// has ended. When there are no more, it kills what is left. A command that may just have started is looked for by its key, for
/// as long as it may take it to begin.
const SCRIPT: &str = r#"trap '' HUP INT QUIT TERM
running=' ' coming=' '
without() { kept=' '; for one in $1; do [ "$one" = "$2" ] || kept="$kept$one "; done; }
while read -r what which; do
  case $what in
    '?') coming="$coming$which " ;;
    '!') without "$coming" "$which"; coming=$kept ;;
    '+') running="$running$which " ;;
    '-') without "$running" "$which"; running=$kept ;;
  esac
done
for group in $running; do kill -s KILL -- "-$group"; done
for key in $coming; do
  for look in 1 2 3 4 5 6 7 8 9 10; do
    for place in $(grep -lsF -e "IDEMPOTENCY_KEY=$key" /proc/[0-9]*/environ); do
      process=${place#/proc/}
      kill -s KILL "${process%/environ}"
    done
    sleep 0.05
  done
done"#;

/// The process groups of commands that are on their way, and who kills them if this process cannot.
#[derive(Debug, Default)]
pub(super) struct Guard {
    groups: BTreeSet<i32>,
    shell: Option<(Child, ChildStdin)>,
    /// Whether it was said that there is none.
    is_missed: bool,
}

impl Guard {
    /// One that guards nothing yet.
    pub(super) const fn new() -> Self {
        Self { groups: BTreeSet::new(), shell: None, is_missed: false }
    }

    /// A command is about to start that has this key in its environment.
    pub(super) fn announce(&mut self, key: &str) {
        self.be_ready();
        self.say('?', key);
        // Somebody may have killed the one there was.
        self.be_ready();
    }

    /// It has started, or cannot.
    pub(super) fn settle(&mut self, key: &str) {
        self.say('!', key);
    }

    fn be_ready(&mut self) {
        if self.shell.is_some() || self.is_missed {
            return;
        }
        match start() {
            Ok(shell) => {
                self.shell = Some(shell);
                let groups: Vec<i32> = self.groups.iter().copied().collect();
                groups.into_iter().for_each(|group| self.say('+', &group.to_string()));
            }
            Err(error) => {
                self.is_missed = true;
                tracing::warn!(%error, "no shell can be started: commands will outlive this process if it is killed");
            }
        }
    }

    /// A command has begun, which leads this group.
    pub(super) fn add(&mut self, group: i32) {
        self.groups.insert(group);
        self.say('+', &group.to_string());
    }

    /// It has ended. To be called before its number can be another's.
    pub(super) fn remove(&mut self, group: i32) {
        self.groups.remove(&group);
        self.say('-', &group.to_string());
    }

    pub(super) fn has(&self, group: i32) -> bool {
        self.groups.contains(&group)
    }

    /// Kills all commands that are on their way, with all that they have started.
    pub(super) fn kill(&self) {
        for group in self.groups.iter().filter_map(|group| Pid::from_raw(*group)) {
            // Who is listed is not reaped yet. One that has ended is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    fn say(&mut self, what: char, which: &str) {
        let Some((shell, to)) = &mut self.shell else { return };
        if writeln!(to, "{what} {which}").is_err() {
            // Somebody has killed it: the next command brings another one.
            let _ = shell.kill();
            let _ = shell.wait();
            self.shell = None;
        }
    }
}

fn start() -> io::Result<(Child, ChildStdin)> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT]).current_dir("/");
    // What ends this process by its group does not end that one.
    shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = shell.spawn()?;
    let to = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((child, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> (Child, i32) {
        let child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let group = Pid::from_child(&child).as_raw_nonzero().get();
        (child, group)
    }

    #[test]
    fn what_is_left_when_the_pipe_closes_is_killed_and_nothing_else() {
        let ((mut left, one), (mut ended, other)) = (sleeper(), sleeper());
        let mut guard = Guard::new();
        guard.be_ready();
        guard.add(other);
        guard.add(one);
        guard.remove(other);
        assert!(guard.has(one) && !guard.has(other));
        let (mut shell, to) = guard.shell.take().unwrap();
        drop(to);
        shell.wait().unwrap();
        assert!(!left.wait().unwrap().success());
        assert!(ended.try_wait().unwrap().is_none(), "it was removed");
        ended.kill().unwrap();
        ended.wait().unwrap();
    }

    #[test]
    fn a_command_that_has_just_started_is_found_by_its_key() {
        let with_key = |key: &str| {
            let mut command = Command::new("sleep");
            command.arg("600").env("SERVICE_FRAMEWORK_IDEMPOTENCY_KEY", key).spawn().unwrap()
        };
        let own = format!("guard-test-{}", std::process::id());
        let (mut left, mut other) = (with_key(&format!("{own}/1")), with_key(&format!("{own}/2")));
        let mut guard = Guard::new();
        guard.announce(&format!("{own}/2"));
        guard.announce(&format!("{own}/1"));
        guard.settle(&format!("{own}/2"));
        let (mut shell, to) = guard.shell.take().unwrap();
        drop(to);
        shell.wait().unwrap();
        assert!(!left.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none(), "it is told by its group");
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn a_guard_that_is_gone_is_started_again() {
        let ((mut left, one), mut guard) = (sleeper(), Guard::new());
        guard.be_ready();
        guard.add(one);
        let (shell, _) = guard.shell.as_mut().unwrap();
        shell.kill().unwrap();
        shell.wait().unwrap();
        guard.say('+', &one.to_string());
        assert!(guard.shell.is_none());
        guard.be_ready();
        let (mut shell, to) = guard.shell.take().unwrap();
        drop(to);
        shell.wait().unwrap();
        assert!(!left.wait().unwrap().success());
    }
}
