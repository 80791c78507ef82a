//! The framework against bare libzmq sockets, in one run.
//!
//! Run with `cargo bench --bench connections`. Every case runs as two processes pinned to one core, the framework and
//! its limit in turn; what counts is the ratio of the two within a round, and its median and spread over the rounds.
//! The limit is a loop around the same libzmq, with the same options, that sends and echoes bytes of the same length
//! and looks at none of them.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

mod framework;
mod limit;
mod report;
#[path = "../statistics.rs"]
mod statistics;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};

use report::{Case, Figures};

/// Rounds of each case; odd, so that the median is one of them.
const ROUNDS: usize = 7;
/// Characters of the text that goes there and back.
const TEXT: usize = 50;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["limit", "answer", address] => limit::answer(address),
        ["limit", "ask", address, window, count] => limit::ask(address, number(window), number(count)),
        ["limit", "listen", address, count] => limit::listen(address, number(count)),
        ["limit", "tell", address, count] => limit::tell(address, number(count)),
        ["framework", "answer", address] => framework::answer(address),
        ["framework", "ask", address, window, count] => {
            framework::ask(address, number(window), number(count))
        }
        ["framework", "listen", address, count] => framework::listen(address, number(count)),
        ["framework", "tell", address, count] => framework::tell(address, number(count)),
        [] => compare_all(),
        _ => {
            eprintln!("run it as `cargo bench --bench connections`, without arguments");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

fn compare_all() {
    let cases = [
        Case { name: "request, one at a time", roles: ["answer", "ask"], window: Some(1), count: 20_000 },
        Case { name: "requests, 64 in flight", roles: ["answer", "ask"], window: Some(64), count: 200_000 },
        Case { name: "requests, 512 in flight", roles: ["answer", "ask"], window: Some(512), count: 400_000 },
        Case { name: "publish to a typed handler", roles: ["listen", "tell"], window: None, count: 40_000 },
    ];
    report::head();
    for case in &cases {
        let rounds: Vec<[Figures; 2]> =
            (0..ROUNDS).map(|_| ["limit", "framework"].map(|of| run(of, case))).collect();
        report::line(case, &rounds);
    }
}

/// Runs one case once, on fresh sockets.
fn run(of: &str, case: &Case) -> Figures {
    let folder = tempfile::TempDir::new().expect("a folder for the sockets");
    // tcp, as services use it; the port is free when asked for and taken a moment later.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let address = format!("tcp://127.0.0.1:{port}");
    let count = case.count.to_string();
    let window = case.window.map(|window| window.to_string());
    let [serves, drives] = case.roles;
    let mut server = match case.window {
        Some(_) => start(&[of, serves, &address]),
        None => start(&[of, serves, &address, &count]),
    };
    let client = match &window {
        Some(window) => start(&[of, drives, &address, window, &count]),
        None => start(&[of, drives, &address, &count]),
    };
    let measuring = if case.window.is_some() { client } else { std::mem::replace(&mut server, client) };
    let figures = Figures::read(&mut BufReader::new(measuring.stdout.expect("a pipe")));
    let _ended = server.kill();
    let _status = server.wait();
    drop(folder);
    figures
}

/// Starts this program in a role, pinned to the first core.
fn start(arguments: &[&str]) -> Child {
    let program = std::env::current_exe().expect("this program");
    Command::new("taskset")
        .args(["-c", "0"])
        .arg(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("taskset, of the package util-linux")
}

/// One line of figures that a role prints for the one who started it.
pub(crate) fn print(count: usize, seconds: f64, mut latencies_us: Vec<f64>) {
    latencies_us.sort_by(f64::total_cmp);
    let at =
        |share: f64| latencies_us.get((latencies_us.len() as f64 * share) as usize).copied().unwrap_or(0.0);
    println!("{} {}", count as f64 / seconds, at(0.99));
}

impl Figures {
    fn read(lines: &mut impl BufRead) -> Self {
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line of figures");
        let mut figures = line.split_whitespace().map(|figure| figure.parse().expect("a figure"));
        let mut next = || figures.next().expect("two figures");
        Self { per_second: next(), p99_us: next() }
    }
}
