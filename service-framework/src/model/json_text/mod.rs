//! JSON as text: read strictly, the first mistake with its line and column.

mod mistake;
mod parse;
mod strict;

pub(crate) use parse::parse_json;
