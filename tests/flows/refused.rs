//! What is wrong with a command line of flows is said, and nothing is started.

use super::support::with;
use crate::folder::Folder;

/// What a line is refused with.
#[track_caller]
fn refused(folder: &Folder, line: &str) -> String {
    let ended = folder.launch(line);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{line}: {}", ended.stderr);
    assert!(!folder.path("service_framework.db").exists(), "{line} made a store");
    ended.stderr
}

#[test]
fn what_is_missing_is_named() {
    let folder = with("def main():\n    pass\n\ndef reboot(host):\n    return host\n");
    for (line, text) in [
        ("flow run jop.py", "did you mean `job.py`?"),
        ("flow run", "FILE"),
        ("flow run job.py rebot", "did you mean `reboot`?"),
        ("flow run job.py --arg host", "NAME=VALUE"),
        ("flow run job.py --arg host=h1", "what main takes: no arguments"),
        ("flow start job.py reboot --arg hots=h1", "did you mean `host`?"),
        ("flow start job.py reboot --arg hots=h1", "host=VALUE, which reboot needs"),
        ("flow schedule @daily job.py reboot", "host=VALUE, which reboot needs"),
        ("flow run job.py --resolve wilson --listen nowhere", "--listen"),
        ("flow run job.py --resolve wilson --listen nowhere", "--resolve"),
        ("flow run job.py --public_url ftp://x", "--public_url"),
        ("flow run job.py --secret x", "--secret"),
        ("flow serve --only everything", "interpreter, requests, callbacks"),
        ("flow list", "no such"),
        ("flow show x", "`flow start FILE`"),
        ("flow signal x go {", "JSON"),
        ("flow signal x", "NAME"),
        ("flow list --since yesterday", "--since"),
        ("flow list --store memory", "memory"),
        ("flow start job.py --store memory", "goes with its process"),
        ("flow gc --older_than 3", "30d"),
        ("flow run job.py --workers 0", "1 or more"),
        ("flow run job.py --memory_limit 1", "32MiB or more"),
        ("flow run job.py --cpu_limit 0s", "--cpu_limit"),
        ("flow cancel", "--status"),
        ("flow lsit", "did you mean `list`?"),
        ("flow run job.py --flolow", "did you mean `--follow`?"),
        ("flow schedule daily job.py", "CRON"),
        ("flow schedule @daily", "FILE"),
        ("flow run job.py --memory_limit much", "512MiB"),
    ] {
        let said = refused(&folder, line);
        assert!(said.contains(text), "{line}: {text:?} is not in {said}");
    }
}

#[test]
fn every_command_teaches_itself() {
    let folder = Folder::new();
    let commands = folder.launch("flow --help").stdout;
    let commands: Vec<&str> = commands
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(commands.len(), 18, "{commands:?}");
    for command in commands {
        let help = folder.launch(&format!("flow {command} --help"));
        assert_eq!(help.code, Some(0));
        assert!(
            help.stdout.contains(&format!("flow {command}")) && help.stdout.contains("Exit codes:"),
            "{command}"
        );
    }
}
