//! The same work done by an owner and its replicas.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use service_framework::model::{StateModel, Type};
use service_framework::service::{BlockingToSend, Service, Setup, States, Stop};

pub(crate) fn run(service: Service, addresses: Json, main_mode: bool) {
    let setup = Setup { addresses: Some(addresses), main_mode, ..Setup::default() };
    let prepared = service.prepare(&setup).expect("a service in order");
    prepared.run(&Stop::new()).expect("a service that runs");
}

pub(crate) fn book() -> Type {
    Type::map(Type::Str, Type::Int)
}

pub(crate) fn out(publisher: &str, replyer: &str) -> Json {
    json!({"states": {"out": {"book": {"publisher": publisher, "replyer": replyer}}}})
}

pub(crate) fn inn(publisher: &str, replyer: &str) -> Json {
    json!({"states": {"in": {"book": {"subscriber": publisher, "requester": replyer}}}})
}

/// Sets keys one by one, once the replicas have had time to come.
pub(crate) fn owner(publisher: &str, replyer: &str) {
    let main = move |to_send: BlockingToSend| {
        let book = to_send.delta("book")?;
        to_send.sleep(Duration::from_secs(2))?;
        let keys: Vec<String> = (0..crate::KEYS).map(|key| format!("key {key:04}")).collect();
        for number in 0..crate::UPDATES {
            book.set(&keys[number % crate::KEYS], number)?;
        }
        to_send.sleep(Duration::from_secs(3_600))?;
        Ok(())
    };
    run(
        Service::new("owner").state(StateModel::delta_out("book", book())).main(main),
        out(publisher, replyer),
        true,
    );
}

/// Looks at the view until it has the last update, timed from the first one on.
pub(crate) fn replica(publisher: &str, replyer: &str) {
    let watch = async |mut states: States| {
        let mut began = None;
        loop {
            states.refresh();
            let view = states.delta("book")?;
            let number = view.number().unwrap_or(-1);
            if number >= 0 {
                let (first, at) = *began.get_or_insert((number, Instant::now()));
                if number + 1 == crate::UPDATES as i64 {
                    let last: Option<usize> =
                        view.get(format!("key {:04}", (crate::UPDATES - 1) % crate::KEYS))?;
                    assert_eq!(last, Some(crate::UPDATES - 1), "the last value is there");
                    println!("{}", (number - first) as f64 / at.elapsed().as_secs_f64());
                    return Ok(());
                }
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    };
    let service = Service::new("replica").state(StateModel::delta_in("book", book())).init_function(watch);
    run(service, inn(publisher, replyer), false);
}
