//! The table that is printed: medians and spread of ratios.

use crate::statistics::{median, sorted};

/// One comparison.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) roles: [&'static str; 2],
    pub(crate) window: Option<usize>,
    pub(crate) count: usize,
}

/// What one run of one side measured.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p99_us: f64,
}

pub(crate) fn head() {
    println!(
        "| case | framework / limit: rate, median (least to most) | p99 | limit, per second | framework, per second |"
    );
    println!("| --- | --- | --- | --- | --- |");
}

pub(crate) fn line(case: &Case, rounds: &[[Figures; 2]]) {
    let rates = sorted(rounds.iter().map(|[limit, ours]| ours.per_second / limit.per_second));
    let tails = sorted(rounds.iter().map(|[limit, ours]| ours.p99_us / limit.p99_us));
    let of = |side: usize| median(&sorted(rounds.iter().map(|round| round[side].per_second)));
    let tail = if tails.iter().all(|tail| tail.is_finite()) {
        format!("{:.2}", median(&tails))
    } else {
        "–".into()
    };
    println!(
        "| {} | {:.2} ({:.2} to {:.2}) | {tail} | {:.0} | {:.0} |",
        case.name,
        median(&rates),
        rates[0],
        rates[rates.len() - 1],
        of(0),
        of(1)
    );
}
