//! A whole service: answers, listens, asks, tells, owns a state and follows one, has a config and closes the day.
//!
//! Run with `cargo run --bin order_desk -- -a addresses/ideas/desk.json --symbol X`.

use service_framework::prelude::*;

#[derive(Config)]
struct Desk {
    /// What is traded.
    symbol: String,
    /// How long the venue may take.
    #[config(default = "5s")]
    patience: Duration,
}

#[derive(Message)]
struct Cancel {
    order_id: String,
}

#[derive(Debug, Message, PartialEq)]
struct Cancelled {
    order_id: String,
    filled: Decimal,
}

#[derive(Message)]
struct VenueStatus {
    is_open: bool,
}

#[derive(Links)]
struct Market {
    venue: Requester<Cancel, Cancelled>,
    cancels: Publisher<Cancelled>,
    prices: DeltaIn<Decimal>,
    /// Prices by order.
    open_orders: DeltaOut<Decimal>,
}

pub(crate) fn service() -> Service {
    Service::new("order_desk")
        .replyer("cancel_order", cancel_order)
        .subscriber("venue_status", on_venue_status)
        .sigterm_handler(close_the_day)
}

async fn cancel_order(order: Cancel, market: Market, desk: Desk) -> Result<Cancelled> {
    let done = market.venue.request(order).within(desk.patience).await?;
    market.open_orders.remove(&done.order_id)?;
    market.cancels.publish(&done)?;
    Ok(done)
}

fn on_venue_status(status: VenueStatus, market: &Market, desk: &Desk) -> Result {
    tracing::info!(status.is_open, desk.symbol, price = ?market.prices.get(&desk.symbol)?);
    Ok(())
}

fn close_the_day(market: Market) -> Result {
    Ok(market.open_orders.replace(&Default::default())?)
}

fn main() -> ExitCode {
    service_framework::run(service())
}

#[cfg(test)]
mod tests {
    use service_framework::testing;

    use super::*;

    #[test]
    fn a_cancelled_order_is_told_to_everybody() {
        let kit = testing::inline(service()).config("symbol", "X").start().unwrap();
        let market = kit.links::<Market>();
        market.venue.answers(|order| Cancelled { order_id: order.order_id, filled: 3.into() });
        let done: Cancelled = kit.request("cancel_order", Cancel { order_id: "o-1".into() }).unwrap();
        assert_eq!(done.filled, 3.into());
        assert_eq!(market.cancels.published(), [done]);
        assert_eq!(market.open_orders.get("o-1"), None);
    }
}
