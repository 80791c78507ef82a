//! Values: what arguments are made of, in memory, as MessagePack and as JSON. No IO, no models.

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Nil,
}
