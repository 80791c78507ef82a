//! Answers with every kind of value that JSON has no room for: a decimal, a UUID, a set and bytes.
//!
//! Run with `cargo run --bin rich_replyer -- -a addresses/reference/rich_replyer.json`, and ask it by `rich_requester`.

use std::collections::HashMap;

use service_framework::prelude::*;

fn main() -> ExitCode {
    service_framework::run(service())
}

fn service() -> Service {
    Service::new("rich_replyer").version("1.0.0").replyer("rich", on_rich)
}

#[derive(Message)]
struct Asked {
    price: Decimal,
    id: Uuid,
    tags: Set<String>,
    blob: Bytes,
    book: HashMap<Decimal, Decimal>,
}

#[derive(Message)]
struct Answer {
    price: Decimal,
    id: Uuid,
    tags: Set<String>,
    blob: Bytes,
}

fn on_rich(asked: Asked) -> Result<Answer> {
    let Asked { price, id, tags, blob, book: _ } = asked;
    let smallest = tags.into_iter().min().ok_or_else(|| Refused::new("no_tags", "a set of no tags"))?;
    Ok(Answer { price: doubled(price)?, id, tags: Set(vec![smallest]), blob })
}

/// Twice the price with as many decimals as it had: 12.50 gives 25.00. NaN and the infinities stay what they are.
fn doubled(price: Decimal) -> Result<Decimal, Refused> {
    let too_long = || Refused::new("price_too_long", format!("{price} has too many digits"));
    match price.parts() {
        Some((digits, exponent)) => {
            let digits = digits.checked_mul(2).ok_or_else(too_long)?;
            Ok(Decimal::from_parts(digits, exponent))
        }
        None if price.to_f64().is_some_and(|number| !number.is_finite()) => Ok(price),
        None => Err(too_long()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_price_keeps_its_decimals() {
        let doubles = [("12.50", "25.00"), ("1E+30", "2E+30"), ("-0.005", "-0.010"), ("NaN", "NaN")];
        for (price, double) in doubles {
            assert_eq!(doubled(price.parse().unwrap()).unwrap().as_str(), double, "{price}");
        }
        assert!(doubled("9".repeat(39).parse().unwrap()).is_err());
    }
}
