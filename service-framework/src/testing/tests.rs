//! The kit against services of its own.

#![expect(clippy::allow_attributes, reason = "derived code is for crates that may not know `expect`")]

use std::collections::BTreeMap;

use super::{Setup, inline, live};
use service_framework::prelude::*;

#[derive(Clone, Debug, Message, PartialEq)]
struct Cancel {
    order_id: String,
}

#[derive(Clone, Debug, Message, PartialEq)]
struct Price {
    bid: f64,
}

#[derive(Clone, Debug, Message, PartialEq)]
struct Limits {
    most: i64,
}

#[derive(Config)]
struct Desk {
    #[config(default = "5s")]
    patience: Duration,
}

#[derive(Links)]
struct Market {
    venue: Requester<Cancel, Cancel>,
    cancels: Publisher<Cancel>,
    prices: DeltaIn<Price>,
    limits: FullIn<Limits>,
    open_orders: DeltaOut<Price>,
    best: RecordOut<Price>,
    report: FullOut<Limits>,
}

async fn cancel(order: Cancel, market: Market, desk: Desk) -> Result<Cancel> {
    let done = market.venue.request(order).within(desk.patience).await?;
    market.open_orders.remove(&done.order_id)?;
    market.cancels.publish(&done)?;
    Ok(done)
}

fn on_price(change: DeltaChange<Price>, market: &Market, seen: &mut usize) -> Result {
    *seen += change.changed.len();
    let most = market.limits.read()?.map_or(i64::MAX, |limits| limits.most);
    if i64::try_from(*seen)? <= most {
        for (symbol, price) in change.changed {
            if let Some(price) = price {
                market.best.set(&price)?;
                market.open_orders.set(&symbol, price)?;
            }
        }
    }
    market.report.set(Limits { most: i64::try_from(market.prices.len())? })?;
    Ok(())
}

async fn remind(_: (), market: Market) -> Result {
    tokio::time::sleep(Duration::from_secs(3600)).await;
    Ok(market.cancels.publish(Cancel { order_id: "an hour later".into() })?)
}

fn fails(order: Cancel) -> Result {
    assert_eq!(order.order_id, "o-1", "the one that is asked for");
    Ok(())
}

fn service() -> Service {
    Service::new("desk")
        .subscriber("fails", fails)
        .owns(0_usize)
        .replyer("cancel", cancel)
        .subscriber("remind", remind)
        .on_change("prices", on_price)
}

fn order(id: &str) -> Cancel {
    Cancel { order_id: id.into() }
}

/// One test, without sockets and over real ones.
macro_rules! for_both {
    ($name:ident, |$setup:ident| $body:block) => {
        mod $name {
            use super::*;

            fn run($setup: fn(Service) -> Setup) $body

            #[test]
            fn inline() {
                run(super::super::inline);
            }

            #[test]
            fn live() {
                run(super::super::live);
            }
        }
    };
}

for_both!(the_test_plays_the_other_side, |setup| {
    let kit = setup(service()).start().unwrap();
    let market = kit.links::<Market>();
    market.venue.answers(|order: Cancel| order);
    let done: Cancel = kit.request("cancel", order("o-1")).unwrap();
    assert_eq!(done, order("o-1"));
    assert_eq!(market.venue.asked(), [order("o-1")]);
    assert_eq!(market.cancels.published(), [order("o-1")]);
    market.cancels.forget();
    assert_eq!(market.cancels.published(), []);
    kit.stop().unwrap();
});

for_both!(states_are_set_by_the_test_and_those_of_the_service_are_seen, |setup| {
    let kit = setup(service()).start().unwrap();
    let market = kit.links::<Market>();
    market.limits.set(Limits { most: 2 });
    market.prices.set("X", Price { bid: 1.5 });
    assert_eq!(market.open_orders.get("X"), Some(Price { bid: 1.5 }));
    assert_eq!(market.best.get(), Some(Price { bid: 1.5 }));
    assert_eq!(market.report.get(), Some(Limits { most: 1 }));
    market
        .prices
        .replace(&BTreeMap::from([("Y".into(), Price { bid: 2.0 }), ("Z".into(), Price { bid: 3.0 })]));
    assert_eq!(market.open_orders.to_map().len(), 1, "the limit holds");
    assert_eq!(market.report.get(), Some(Limits { most: 2 }));
    market.prices.remove("Y");
    assert_eq!(market.report.get(), Some(Limits { most: 1 }));
});

#[test]
fn time_passes_only_when_the_test_says_so() {
    let kit = inline(service()).config("patience", "2h").start().unwrap();
    let market = kit.links::<Market>();
    kit.publish("remind", ()).unwrap();
    kit.advance(Duration::from_secs(3599));
    assert_eq!(market.cancels.published(), []);
    kit.advance(Duration::from_secs(1));
    assert_eq!(market.cancels.published(), [order("an hour later")]);
    market.venue.never_answers();
    let began = std::time::Instant::now();
    let late = kit.request::<Cancel>("cancel", order("o-1")).unwrap_err();
    assert_eq!(late.code(), Some("handler_failed"), "two hours of the service's patience: {late}");
    assert!(began.elapsed() < Duration::from_secs(4));
    market.prices.set_for("X", Price { bid: 1.0 }, Duration::from_secs(60));
    assert_eq!(market.report.get(), Some(Limits { most: 1 }));
    kit.advance(Duration::from_secs(61));
    assert_eq!(market.report.get(), Some(Limits { most: 0 }));
}

for_both!(what_the_test_has_not_said_and_what_it_refuses_are_errors, |setup| {
    let kit = setup(service()).start().unwrap();
    let market = kit.links::<Market>();
    let unsaid = kit.request::<Cancel>("cancel", order("o-1")).unwrap_err();
    assert_eq!(unsaid.code(), Some("handler_failed"));
    kit.publish("fails", order("o-1")).unwrap();
    assert_eq!(kit.publish("fails", order("o-2")).unwrap_err().code(), Some("handler_failed"));
    market.venue.refuses("closed", "after hours");
    assert!(kit.request::<Cancel>("cancel", order("o-1")).is_err());
    let wrong = kit.request::<Cancel>("cancel", Price { bid: 1.0 }).unwrap_err().to_string();
    assert!(wrong.contains("order_id"), "{wrong}");
    let unknown = kit.request::<Cancel>("cancl", order("o-1")).unwrap_err().to_string();
    assert!(unknown.contains("did you mean \"cancel\"?"), "{unknown}");
});

#[test]
fn a_handler_is_tested_as_the_function_that_it_is() {
    let (market, seen) = Market::for_test();
    seen.venue.answers(|order: Cancel| order);
    let desk = Desk { patience: Duration::from_secs(1) };
    let done = seen.venue.kit().block_on(cancel(order("o-1"), market, desk)).unwrap();
    assert_eq!(seen.cancels.published(), [done]);
}

#[test]
fn what_is_wrong_with_a_service_reads_well_where_it_is_unwrapped() {
    fn lonely(_: (), _: &mut String) -> Result {
        Ok(())
    }
    let failed = inline(Service::new("lonely").replyer("lonely", lonely)).start().map(drop).unwrap_err();
    let shown = format!("{failed:?}");
    assert!(shown.contains("expected an own value of type `String`"), "{shown}");
    assert!(shown.contains("add `.owns(String…)` to the service"), "{shown}");
}

fn slow_price(order: Cancel) -> Result<Price> {
    std::thread::sleep(Duration::from_millis(30));
    Ok(Price { bid: order.order_id.len() as f64 })
}

#[derive(Links)]
struct Pricing {
    #[links(calls = slow_price)]
    pricing: ExternalRequest<Cancel, Price>,
    venue: Requester<Cancel, Cancel>,
}

async fn price(order: Cancel, links: Pricing) -> Result<Price> {
    Ok(links.pricing.request(order).await?)
}

fn ask_back(order: Cancel, links: Pricing) -> Result<Cancel> {
    Ok(links.venue.request(order).wait()?)
}

#[test]
fn threads_that_work_hold_the_clock_and_threads_that_wait_do_not() {
    let service = Service::new("pricing").replyer("price", price).replyer("ask_back", workers(1, ask_back));
    let kit = inline(service).start().unwrap();
    kit.advance(Duration::from_secs(3600));
    let priced: Price = kit.request("price", order("abc")).unwrap();
    assert_eq!(priced, Price { bid: 3.0 });
    let pricing = kit.links::<Pricing>();
    pricing.venue.answers(|order: Cancel| order);
    assert_eq!(kit.request::<Cancel>("ask_back", order("o-1")).unwrap(), order("o-1"));
    pricing.venue.never_answers();
    let began = std::time::Instant::now();
    assert!(kit.request::<Cancel>("ask_back", order("o-2")).is_err());
    assert!(began.elapsed() < Duration::from_secs(4), "the clock of the kit is no real one");
}

#[test]
fn what_cannot_be_is_said_before_anything_runs() {
    fn other(_: Price) -> Result<Cancel> {
        Err(Refused::new("no", "no").into())
    }
    let given = ConnectionModel::replyer("other").requires("order_id", crate::model::Type::Str);
    let service = Service::new("twice")
        .replyer("on_prices", other)
        .on_change("prices", on_price)
        .replyer(given, other)
        .owns(0_usize);
    let failed = inline(service).start().map(drop).unwrap_err().to_string();
    for expected in [
        "functions.on_prices: expected one function of each name",
        "connection_models.in.other: expected arguments that the type of its function `other` takes",
    ] {
        assert!(failed.contains(expected), "{expected}: {failed}");
    }
    let kit = inline(service_without_main()).start().unwrap();
    assert!(kit.run_main().is_err());
}

fn service_without_main() -> Service {
    Service::new("quiet")
}

#[test]
fn a_kit_inside_of_a_runtime_says_what_to_write() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for setup in [inline(service()), live(service())] {
        let failed = runtime.block_on(async { setup.start().map(drop).unwrap_err() });
        assert!(failed.to_string().contains("is a plain `#[test]`, not `#[tokio::test]`"), "{failed}");
    }
}

#[test]
fn why_a_handler_failed_is_in_the_tests_log() {
    use tracing::subscriber::NoSubscriber;

    fn is_logged(_: ()) -> Result<Cancel> {
        let is_nobodys = tracing::dispatcher::get_default(|log| log.is::<NoSubscriber>());
        Ok(order(if is_nobodys { "lost" } else { "shown" }))
    }
    let kit = inline(Service::new("logged").replyer("is_logged", is_logged)).start().unwrap();
    assert_eq!(kit.request::<Cancel>("is_logged", ()).unwrap(), order("shown"));
}

#[test]
fn a_reply_read_as_another_type_names_both() {
    let kit = inline(service()).start().unwrap();
    kit.links::<Market>().venue.answers(|order: Cancel| order);
    let wrong = kit.request::<()>("cancel", order("o-1")).unwrap_err().to_string();
    assert!(wrong.contains("as the model says, but `()` is not read from it"), "{wrong}");
}
