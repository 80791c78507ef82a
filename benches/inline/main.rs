//! Inline calls against plain function calls with the same work, in one run.
//!
//! Run with `cargo bench --bench inline`. The limit encodes the arguments, reads them into the handler's type, calls the
//! function, and does the same with what it returns: what a call between two services cannot do without. Both run in turn
//! on one thread that is pinned by `taskset -c 0`, if that is how the bench is started.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

#[path = "../statistics.rs"]
mod statistics;

use std::hint::black_box;
use std::sync::mpsc;
use std::time::Instant;

use service_framework::model::Message as _;
use service_framework::prelude::*;
use service_framework::service::Inline;
use statistics::{median, sorted};

/// Rounds of each; odd, so that the median is one of them.
const ROUNDS: usize = 9;
const CALLS: u32 = 200_000;

#[derive(Message)]
struct Order {
    id: u64,
    symbol: String,
    price: f64,
}

#[derive(Message)]
struct Filled {
    id: u64,
    price: f64,
}

#[derive(Links)]
struct Venue {
    fill: Requester<Order, Filled>,
}

fn fill(order: Order) -> Result<Filled> {
    Ok(Filled { id: order.id, price: black_box(order.price) })
}

fn order(id: u32) -> Order {
    Order { id: id.into(), symbol: "AAPL".into(), price: 187.25 }
}

fn main() {
    println!("inline calls, {CALLS} each round, {ROUNDS} rounds");
    let rounds: Vec<(f64, [f64; 2])> = (0..ROUNDS).map(|_| (limit(), [plain(), asynchronous()])).collect();
    let show = |name: &str, rates: Vec<f64>| {
        println!("{name:<28} {:>6.2} M/s  ({:.2} to {:.2})", median(&rates), rates[0], rates[ROUNDS - 1]);
    };
    show("function with codec (limit)", sorted(rounds.iter().map(|(limit, _)| *limit)));
    for (index, name) in ["from a plain main", "from an async handler"].into_iter().enumerate() {
        show(name, sorted(rounds.iter().map(|(_, rates)| rates[index])));
        let ratios = sorted(rounds.iter().map(|(limit, rates)| rates[index] / limit));
        println!(
            "{:<28} {:>6.2}      ({:.2} to {:.2})",
            "  of the limit",
            median(&ratios),
            ratios[0],
            ratios[ROUNDS - 1]
        );
    }
}

/// Millions a second.
fn rate(began: Instant) -> f64 {
    f64::from(CALLS) / began.elapsed().as_secs_f64() / 1e6
}

fn limit() -> f64 {
    let began = Instant::now();
    for id in 0..CALLS {
        let args = order(id).to_msgpack();
        let asked = Order::from_msgpack(&args).expect("an order");
        let returns = fill(asked).expect("a fill").to_msgpack();
        black_box(Filled::from_msgpack(&returns).expect("a fill"));
    }
    rate(began)
}

fn plain() -> f64 {
    let (tell, told) = mpsc::channel();
    let main = move |venue: Venue| -> Result {
        let began = Instant::now();
        for id in 0..CALLS {
            black_box(venue.fill.request(order(id)).wait()?);
        }
        Ok(tell.send(rate(began))?)
    };
    run(Service::new("desk").main(main));
    told.recv().expect("a figure")
}

fn asynchronous() -> f64 {
    let (tell, told) = mpsc::channel();
    let main = async move |venue: Venue| -> Result {
        let began = Instant::now();
        for id in 0..CALLS {
            black_box(venue.fill.request(order(id)).await?);
        }
        Ok(tell.send(rate(began))?)
    };
    run(Service::new("desk").main(main));
    told.recv().expect("a figure")
}

fn run(desk: Service) {
    Inline::new(desk)
        .service(Service::new("venue").replyer("fill", fill))
        .relate(("desk", "fill"), ("venue", "fill"))
        .run()
        .expect("a run");
}
