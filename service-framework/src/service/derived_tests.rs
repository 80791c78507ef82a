#![expect(clippy::allow_attributes, reason = "derived code is for crates that may not know `expect`")]
use service_framework::prelude::*;

use crate::model::ConfigType;

#[derive(Config)]
struct Desk {
    /// What is traded.
    symbol: String,
}

#[test]
fn a_config_is_asked_for_as_it_is_and_lent() {
    async fn own(_: (), desk: Desk) -> Result {
        drop(desk.symbol);
        Ok(())
    }
    fn lent(_: (), desk: &Desk) -> Result {
        drop(desk.copy());
        Ok(())
    }
    let service = Service::new("desk")
        .replyer("own", own)
        .replyer("lent", lent)
        .subscriber("on_worker", workers(2, lent))
        .init_function(|desk: &Desk| {
            drop(desk.copy());
            Ok(())
        });
    assert_eq!(service.model().config.as_ref(), Some(&Desk::model()));
}

#[derive(Message)]
struct Order {
    order_id: String,
    amount: Decimal,
}

#[derive(Message)]
struct Priced {
    price: Decimal,
}

fn price_it(order: Order) -> Result<Priced> {
    Ok(Priced { price: order.amount })
}

#[derive(Links)]
#[expect(dead_code, reason = "only what they declare is looked at")]
struct Market {
    #[links(within = "2s", idempotent, name = "exchange")]
    venue: Requester<Order, Priced>,
    #[links(topic = "desk", connects, wait = "1ms")]
    orders: Publisher<Order>,
    #[links(calls = price_it)]
    pricing: ExternalRequest<Order, Priced>,
    #[links(topics("eu", "us"), local_copy = "prices.copy")]
    prices: DeltaIn<Priced>,
    settings: FullIn<Priced>,
    best: RecordIn<Priced>,
    #[links(stands_by)]
    open_orders: DeltaOut<Order, u64>,
    #[links(conflates)]
    report: FullOut<Priced>,
    last: RecordOut<Order>,
}

#[test]
fn links_are_declared_as_fields_say() {
    use crate::model::{Message, StateModel, Type, Typed};

    async fn own(order: Order, market: Market) -> Result<Priced> {
        Ok(market.venue.request(order).await?)
    }
    fn lent(order: Order, market: &Market) -> Result {
        Ok(market.orders.publish(order)?)
    }
    let service = Service::new("desk").replyer("own", own).subscriber("lent", lent);
    let model = service.model();
    let (order, priced) = (Order::arguments(), Priced::arguments());
    let with =
        |model: ConnectionModel, returns| ConnectionModel { arguments: order.clone(), returns, ..model };
    let out: Vec<_> = model.connections_on(crate::model::Side::Out).cloned().collect();
    let orders = ConnectionModel::publisher("orders")
        .topic("desk")
        .connects()
        .waits_after_creation(Duration::from_millis(1));
    let pricing = ConnectionModel::external_request("pricing").calls("price_it");
    let expected = [
        with(ConnectionModel::requester("exchange"), priced.clone()),
        with(orders, Default::default()),
        with(pricing, priced.clone()),
    ];
    assert_eq!(out, expected);
    let full = |model: StateModel| StateModel { arguments: priced.clone(), ..model };
    let orders = Type::map(Type::Int, Order::type_of());
    let expected = [
        StateModel::delta_in("prices", Type::map(Type::Str, Priced::type_of()))
            .topics(["eu", "us"])
            .local_copy("prices.copy"),
        full(StateModel::full_in("settings")),
        StateModel::delta_in("best", Priced::type_of()),
        StateModel::delta_out("open_orders", orders).stands_by(),
        full(StateModel::full_out("report")).conflates(),
        StateModel::delta_out("last", Order::type_of()),
    ];
    assert_eq!(model.states, expected);
    assert_eq!(service.requests["exchange"].within(), Duration::from_secs(2));
    assert!(service.requests["exchange"].idempotent);
    assert!(service.functions.contains_key("price_it"));
}
