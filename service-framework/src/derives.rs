//! The derives, and what the code that they write calls.

/// Makes a Rust type a type of arguments ([`Typed`](crate::model::Typed), [`Read`](crate::model::Read)), and a struct with
/// named fields a [`Message`](crate::model::Message).
///
/// ```
/// use service_framework::Message;
/// use service_framework::model::Message as _;
/// use service_framework::value::Decimal;
///
/// #[derive(Debug, Message, PartialEq)]
/// struct Order {
///     symbol: String,
///     amount: Decimal,
///     price: Price,
///     side: Side,
///     note: Option<String>,
///     #[message(default = 3)]
///     retries: u8,
/// }
///
/// #[derive(Debug, Message, PartialEq)]
/// #[message(rename_all = "snake_case")]
/// enum Side { Buy, Sell }
///
/// #[derive(Debug, Message, PartialEq)]
/// enum Price { Limit(Decimal), AtMarket }
///
/// let order = Order {
///     symbol: "X".to_owned(),
///     amount: "1.5".parse()?,
///     price: Price::AtMarket,
///     side: Side::Buy,
///     note: None,
///     retries: 3,
/// };
/// assert_eq!(Order::from_msgpack(&order.to_msgpack()).as_ref(), Ok(&order));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What becomes what
/// | Rust | in messages |
/// | --- | --- |
/// | a struct with named fields | the arguments of a message; as a field of another type a `record` |
/// | a field of type `Option<T>` | an optional argument `T`, left out for `None`; within a record `["optional", T]`, nil for `None` |
/// | `struct Name;`, `struct Name {}` | a message without arguments |
/// | a struct of one unnamed field | what the field is |
/// | an enum of variants that hold nothing | `["literal", "Buy", "Sell"]` |
/// | an enum of variants that hold one value | `["union", A, B]`; a variant that holds nothing is the literal of its name |
///
/// A value is read as the first variant that it fits, so of two that take the same the narrower one comes first: `Id(i64)`
/// before `Price(f64)`. A type that holds itself, such as a tree, is `any` where it does; a variant holds its enum only within
/// a struct, a list or the like, as nothing else would tell the two apart.
///
/// A struct may borrow from the message by `&'a str`, `&'a [u8]` and `Cow<'a, str>`, with one lifetime; plain handlers take
/// such a message without copies. A type with type parameters is a message for all types that messages can hold.
///
/// # Attributes
/// | attribute | on | |
/// | --- | --- | --- |
/// | `#[message(rename = "name")]` | a field, a variant that holds nothing | its name in messages |
/// | `#[message(rename_all = "camelCase")]` | a struct, an enum | how all its names are written: `snake_case`, `camelCase`, `kebab-case`, `SCREAMING_SNAKE_CASE`, `PascalCase`, `lowercase`, `UPPERCASE` |
/// | `#[message(required)]` | a field of type `Option<T>` | it may be nil and may not be left out |
/// | `#[message(default)]`, `#[message(default = value)]` | a field | it may be left out, and is the default of its type or `value` then; it is always written |
/// | `#[message(numbers)]` | a field with a `Vec<u8>` | it is a list of numbers; bytes are [`Bytes`](crate::value::Bytes) |
/// | `#[message(crate = path)]` | a type | where this library is, if not at `::service_framework` |
///
/// A default that is a text is read as the type of its field: `"5s"` for a [`Duration`](std::time::Duration), `"1.50"` for a
/// [`Decimal`](crate::value::Decimal). Of a `Duration` the compiler checks it; any other that does not fit panics when the
/// model is made, which is before a service starts.
pub use service_framework_derive::Message;

/// Makes a struct with named fields a config ([`ConfigType`](crate::model::ConfigType)): its fields are keys, which any
/// function of a service gets by asking for the struct.
///
/// ```
/// use service_framework::prelude::*;
///
/// #[derive(Config)]
/// struct Desk {
///     /// What is traded.
///     symbol: String,
///     /// How long the venue may take.
///     #[config(default = "5s")]
///     patience: Duration,
///     #[config(default = 2)]
///     retries: u8,
///     note: Option<String>,
/// }
///
/// fn symbol(_: (), desk: &Desk) -> Result<Symbol> {
///     Ok(Symbol { symbol: desk.symbol.clone() })
/// }
/// # #[derive(Message)]
/// # struct Symbol { symbol: String }
/// let service = Service::new("order_desk").replyer("symbol", symbol);
/// let config = service.model().config.as_ref().unwrap();
/// assert_eq!(config.help[0], ("symbol".to_owned(), "What is traded.".to_owned()));
/// ```
///
/// - The type of a field is the type of its key, as in a [`Message`](derive@Message).
/// - A key must be given unless its field has a default or is an `Option`, which is `None` then.
/// - A default is an expression of the field's type, such as `5` or `true`, or a text that is read as that type: `"5s"` for
///   a [`Duration`](std::time::Duration), which the compiler checks, `"1.50"` for a
///   [`Decimal`](crate::value::Decimal), which panics when the model is made if it does not fit. `#[config(default)]`
///   alone is the default of the type.
/// - The doc comment of a field is the help of its key, in `describe` and `--help`.
/// - `#[config(rename = "key")]` calls the key otherwise, `#[config(numbers)]` says that a `Vec<u8>` is a list of numbers,
///   and `#[config(crate = path)]` on the struct where this library is, if not at `::service_framework`.
/// - The struct implements [`Default`] if no key has to be given. The types of its fields are `Clone`.
pub use service_framework_derive::Config;

/// Makes a struct with named fields a struct of links ([`Links`](crate::service::Links)): its fields are out connections
/// and states, called like the fields, which become part of every service one of whose functions asks for the struct.
///
/// ```
/// use service_framework::prelude::*;
///
/// #[derive(Message)]
/// struct Cancel { order_id: String }
/// #[derive(Message)]
/// struct Cancelled { order_id: String, filled: Decimal }
/// #[derive(Message)]
/// struct Order { order_id: String, amount: Decimal }
///
/// #[derive(Links)]
/// struct Market {
///     #[links(within = "2s", idempotent)]
///     venue: Requester<Cancel, Cancelled>,
///     #[links(topic = "desk")]
///     cancels: Publisher<Cancelled>,
///     open_orders: DeltaOut<Order>,
/// }
///
/// async fn cancel(order: Cancel, market: Market) -> Result<Cancelled> {
///     let done = market.venue.request(order).await?;
///     market.open_orders.remove(&done.order_id)?;
///     market.cancels.publish(&done)?;
///     Ok(done)
/// }
///
/// let service = Service::new("order_desk").replyer("cancel", cancel);
/// assert_eq!(service.model().connections.len(), 3);
/// ```
///
/// | type of the field | what it is | what `#[links(…)]` may say of it |
/// | --- | --- | --- |
/// | [`Requester<A, R>`](crate::service::Requester) | asks a replyer | `within = "2s"`: how long a request may take, 5 s otherwise; `idempotent`: it may go to another peer when the first is lost |
/// | [`ExternalRequest<A, R>`](crate::service::ExternalRequest) | calls a function of this program | `calls = function`; `within` |
/// | [`Publisher<A>`](crate::service::Publisher) | tells subscribers | `topic = "name"`; `connects`, instead of binding; `wait = "150ms"`, so that subscribers find it |
/// | [`DeltaIn<V, K>`](crate::service::DeltaIn), [`RecordIn<T>`](crate::service::RecordIn) | follows a delta state | `topic`; `topics("a", "b")`, an owner for each; `local_copy = "path"`, a file that keeps it |
/// | [`FullIn<T>`](crate::service::FullIn) | follows a full state | `topic`; `topics` |
/// | [`DeltaOut<V, K>`](crate::service::DeltaOut), [`RecordOut<T>`](crate::service::RecordOut) | owns a delta state | `topic`; `connects`; `wait`; `stands_by`, for another owner |
/// | [`FullOut<T>`](crate::service::FullOut) | owns a full state | `topic`; `connects`; `wait`; `conflates`, sends only the newest of values that come fast |
///
/// `name = "other_name"` calls any of them otherwise than its field, and `#[links(crate = path)]` on the struct says where
/// this library is, if not at `::service_framework`.
pub use service_framework_derive::Links;

/// What derived code calls; nothing for anybody else.
pub mod derived {
    pub use std::option::Option::{None, Some};
    pub use std::result::Result::{self, Err, Ok};
    pub use std::vec;
    pub use std::vec::Vec;

    pub use crate::__asked_for as asked_for;
    pub use crate::model::fields::{
        Fields, absent, begin_map, literals, optional, or_default, read_literal, read_member, read_name,
        required, write_field, write_name, write_optional,
    };
    pub use crate::model::record::{
        Describe, Described, Field, Functions, Plan, ReadWhole, arguments, type_of,
    };
    pub use crate::model::settings::{
        ConfigFunctions, ConfigPlan, Key, config_model, default_of, read_key, read_required, set_key,
    };
    pub use crate::model::{
        Arguments, Config, ConfigError, ConfigModel, ConfigType, Message, Misfit, OwnedMessage, Read, Type,
        Typed, unless_within_itself,
    };
    pub use crate::service::{Fields as LinkFields, Link, LinkOptions, Links, Taker};
    pub use crate::value::msgpack::Reader;

    /// What reading gives.
    pub type Outcome<T> = Result<T, Misfit>;
}
