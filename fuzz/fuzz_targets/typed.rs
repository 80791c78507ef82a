//! Derived types: whatever the bytes, reading them is the check. The first byte chooses one of many shapes.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../service-framework/src/model/typed/shapes.rs"]
mod shapes;

fuzz_target!(|bytes: &[u8]| {
    if let Some((which, message)) = bytes.split_first()
        && let Some(shape) = shapes::SHAPES.get(usize::from(*which))
    {
        (shape.law)(&shape.checker(), message);
    }
});
