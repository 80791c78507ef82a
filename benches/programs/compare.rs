//! Requests a second of both servers, and what one costs their processor, in the same rounds.

use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::clients::request;
use crate::servers::{Kind, Server, python};
use crate::statistics::{median, sorted};

/// Rounds of each case; odd, so that the median is one of them.
const ROUNDS: usize = 5;

/// What is asked of a server.
struct Case {
    name: &'static str,
    kind: Kind,
    program: &'static str,
    clients: usize,
    fails: bool,
    /// The case of the original that it is measured by.
    beside: Option<usize>,
}

/// What one round of a case comes to.
struct Figures {
    /// Requests a second.
    rate: f64,
    /// Microseconds of the processor that the server takes for a request.
    cost_us: f64,
}

/// Those of all cases whose server is here.
type Round = Vec<Option<Figures>>;

const fn case(kind: Kind, program: &'static str, clients: usize, fails: bool) -> Case {
    Case { name: "", kind, program, clients, fails, beside: None }
}

const fn beside(other: usize, case: Case) -> Case {
    Case { beside: Some(other), ..case }
}

/// In the order in which they run.
const CASES: [Case; 16] = [
    Case { name: "bare sockets, 1 client", ..case(Kind::Bare, "order", 1, false) },
    Case { name: "bare sockets, 8 clients", ..case(Kind::Bare, "order", 8, false) },
    Case { name: "bare sockets, 64 clients", ..case(Kind::Bare, "order", 64, false) },
    Case { name: "ryuso, done, 1 client", ..case(Kind::Original, "order", 1, false) },
    Case { name: "memory, done, 1 client", ..beside(3, case(Kind::Memory, "order", 1, false)) },
    Case { name: "ryuso, done, 8 clients", ..case(Kind::Original, "order", 8, false) },
    Case { name: "memory, done, 8 clients", ..beside(5, case(Kind::Memory, "order", 8, false)) },
    Case { name: "ryuso, failed, 1 client", ..case(Kind::Original, "order", 1, true) },
    Case { name: "memory, failed, 1 client", ..beside(7, case(Kind::Memory, "order", 1, true)) },
    Case { name: "ryuso, failed, 8 clients", ..case(Kind::Original, "order", 8, true) },
    Case { name: "memory, failed, 8 clients", ..beside(9, case(Kind::Memory, "order", 8, true)) },
    Case { name: "ryuso, done, 64 clients", ..case(Kind::Original, "order", 64, false) },
    Case { name: "SQLite, done, 64 clients", ..beside(11, case(Kind::Sqlite, "order_freely", 64, false)) },
    Case { name: "ryuso, failed, 64 clients", ..case(Kind::Original, "order", 64, true) },
    Case { name: "SQLite, failed, 64 clients", ..beside(13, case(Kind::Sqlite, "order_freely", 64, true)) },
    Case { name: "SQLite, done, 1 client", ..beside(3, case(Kind::Sqlite, "order_freely", 1, false)) },
];

/// Measures all, each for so many seconds a round, and prints them.
pub(crate) fn compare(seconds: f64) {
    let mut kinds = vec![Kind::Bare, Kind::Memory, Kind::Sqlite];
    match python() {
        Ok(_) => kinds.push(Kind::Original),
        Err(reason) => println!("ryuso is left out: {reason}"),
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let started: Vec<(Kind, Server, [Json; 2])> = kinds
        .into_iter()
        .map(|kind| {
            let (server, answers) = Server::start(kind, folder.path());
            (kind, server, answers)
        })
        .collect();
    assert_all_answer_alike(&started);
    let server =
        |case: &Case| started.iter().find(|(kind, ..)| *kind == case.kind).map(|(_, server, _)| server);
    println!(
        "requests a second and microseconds of the server's processor for each, {ROUNDS} rounds of {seconds} s: median (least to \
         most)"
    );
    let rounds: Vec<Round> = (0..ROUNDS)
        .map(|_| CASES.iter().map(|case| Some(measure(server(case)?, case, seconds))).collect())
        .collect();
    CASES.iter().enumerate().for_each(|(place, case)| show(case, place, &rounds));
}

/// Whatever is fast because it does something else is not measured.
fn assert_all_answer_alike(started: &[(Kind, Server, [Json; 2])]) {
    let mut answers = started.iter().filter(|(kind, ..)| *kind != Kind::Bare).map(|(_, _, answers)| answers);
    let first = answers.next().expect("a server");
    assert_eq!(first[0].get("parcel").and_then(Json::as_str), Some("p-rope"));
    let traced = first[1]["_traceback"].as_array().map_or(0, Vec::len);
    assert_eq!(traced, 6, "four calls and two rectifiers: {}", first[1]);
    assert!(answers.all(|other| other == first), "servers differ");
}

/// What clients on the second core measure.
fn measure(server: &Server, case: &Case, seconds: f64) -> Figures {
    let this = std::env::current_exe().expect("this program");
    let before = server.processor_time();
    let clients = Command::new("taskset")
        .args(["-c", "1"])
        .arg(this)
        .args(["ask", &server.address.to_string(), &case.clients.to_string(), &seconds.to_string()])
        .arg(request(case.program, case.fails))
        .stderr(Stdio::inherit())
        .output()
        .expect("taskset, of the package util-linux");
    let taken = server.processor_time() - before;
    assert!(clients.status.success(), "the clients ended with {}", clients.status);
    let line = String::from_utf8(clients.stdout).expect("text");
    let mut figures = line.split_whitespace().map(|figure| figure.parse::<f64>().expect("a figure"));
    let mut next = || figures.next().expect("two figures");
    Figures { rate: next(), cost_us: taken * 1e6 / next() }
}

fn show(case: &Case, place: usize, rounds: &[Round]) {
    let of = |figure: fn(&Figures) -> f64| {
        sorted(rounds.iter().filter_map(|round| round[place].as_ref().map(figure)))
    };
    let (rates, costs) = (of(|figures| figures.rate), of(|figures| figures.cost_us));
    if rates.is_empty() {
        return;
    }
    let line = format!("{:<26} {}, {} us", case.name, spread(&rates, 0), spread(&costs, 0));
    let beside = |ratio: fn(&Figures, &Figures) -> f64| {
        let ratios = rounds
            .iter()
            .filter_map(|round| Some(ratio(round[place].as_ref()?, round[case.beside?].as_ref()?)));
        sorted(ratios)
    };
    let rates = beside(|own, other| own.rate / other.rate);
    match rates.is_empty() {
        true => println!("{line}"),
        false => {
            let costs = beside(|own, other| other.cost_us / own.cost_us);
            println!(
                "{line}; of ryuso: rate {}, per processor time {}",
                spread(&rates, 2),
                spread(&costs, 2)
            );
        }
    }
}

/// The median, the least and the most.
fn spread(sorted: &[f64], digits: usize) -> String {
    let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
    format!("{:.digits$} ({least:.digits$} to {most:.digits$})", median(sorted))
}
