//! Published frames: any bytes are some topic and some message, and both are where they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service_framework::value::{Limits, Value};
use service_framework::wire::{Correlation, Envelope, split_topic, topic_prefix};

fuzz_target!(|bytes: &[u8]| {
    let (topic, message) = split_topic(bytes);
    assert!(bytes.ends_with(message));
    let prefix = &bytes[..bytes.len() - message.len()];
    assert_eq!(topic.map(Value::from), Value::from_msgpack(prefix).ok());
    if let Some(topic) = topic {
        let frame = [topic_prefix(topic).as_slice(), message].concat();
        assert_eq!(split_topic(&frame), (Some(topic), message));
    }
    let _ = Envelope::split(message, &Limits::default());
    if let Some(correlation) = Correlation::from_frame(bytes) {
        assert_eq!(correlation.to_frame(), bytes);
    }
});
