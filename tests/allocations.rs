//! What a message costs in allocations, counted on the thread that handles it.

#![expect(unsafe_code, reason = "counting allocations needs an allocator of our own")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::mpsc;

use service_framework::prelude::*;
use service_framework::service::Start;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread.
struct Counting;

// SAFETY: everything is passed on as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

#[derive(Message)]
struct Order<'m> {
    symbol: &'m str,
    amount: i64,
    price: f64,
}

#[derive(Message)]
struct Filled {
    amount: i64,
    price: f64,
}

#[derive(Config)]
struct Desk {
    #[config(default = 100)]
    most: i64,
}

/// Allocations before each call, of which the differences are what a message costs.
struct Counted(Vec<u64>);

fn fill(order: Order<'_>, desk: &Desk, counted: &mut Counted) -> Result<Filled> {
    counted.0.push(allocations());
    if order.symbol.is_empty() {
        return Err(Refused::new("no_symbol", "which one?").into());
    }
    Ok(Filled { amount: order.amount.min(desk.most), price: order.price })
}

fn tell(_: (), counted: &mut Counted, results: Arc<mpsc::SyncSender<Vec<u64>>>) -> Result {
    Ok(results.send(std::mem::take(&mut counted.0))?)
}

#[derive(Links)]
struct Venue {
    fill: Requester<Order<'static>, Filled>,
    tell: Requester<(), ()>,
}

fn main_of_desk(venue: Venue) -> Result {
    let order = |amount| Order { symbol: "AAPL", amount, price: 187.25 };
    for _ in 0..20 {
        let open: Vec<_> = (0..64).map(|amount| venue.fill.request(order(amount)).start()).collect();
        open.into_iter().try_for_each(|pending| pending.wait().map(drop))?;
    }
    Ok(venue.tell.request(()).wait()?)
}

#[test]
fn a_typed_plain_handler_costs_no_allocation() {
    let (results, counted) = mpsc::sync_channel::<Vec<u64>>(1);
    let room = Counted(Vec::with_capacity(10_000));
    let venue = Service::new("venue")
        .owns(room)
        .shares(Arc::new(results))
        .replyer("fill", fill)
        .replyer("tell", tell);
    let venue = venue.start().unwrap();
    let desk = Start::new(Service::new("desk").main(main_of_desk));
    let desk = desk.connect("fill", &venue, "fill").connect("tell", &venue, "tell").main_mode();
    desk.start().unwrap().join().unwrap();
    let counted: Vec<u64> = counted.recv().unwrap();
    assert_eq!(counted.len(), 20 * 64);
    let mut costs: Vec<u64> = counted.windows(2).map(|pair| pair[1] - pair[0]).collect();
    costs.sort_unstable();
    // Between two messages there may be a turn of the loop, which is no matter of messages.
    assert_eq!(costs[costs.len() / 2], 0, "{costs:?}");
}
