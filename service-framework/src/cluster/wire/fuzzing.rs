//! Bytes from anywhere against the decoder, and against a node that gets them.

use super::super::engine::{Boot, Engine};
use super::super::identity::{Address, Identity, NodeId};
use super::super::map::Versions;
use super::super::settings::Settings;
use super::super::time::{Moment, Now};
use super::Frame;

/// Decodes `bytes`; what is a frame must come back from its own bytes, and a node must stand it and go on.
pub fn run(bytes: &[u8]) {
    let Ok(frame) = Frame::decode(bytes, 1 << 20) else { return };
    let again = Frame::decode(&frame.encode(), 1 << 20);
    assert_eq!(again.as_ref(), Ok(&frame));
    stand(frame);
}

/// Gives the frame to a node, addressed to it, and lets some time pass.
fn stand(frame: Frame) {
    let me = Identity { node: NodeId(2), epoch: 1, boot: 1 };
    let (versions, floor) = (Versions::default(), Versions::default());
    let boot = Boot { identity: me, store: 1, seed: 1, entries: Vec::new(), versions, floor };
    let settings = Settings::default();
    let mut engine = Engine::new(settings, boot, Now::default());
    let frame = Frame { cluster: engine.cluster(), to: Some(me.node), ..frame };
    let address = Address("sim:1".to_owned());
    engine.receive(Now { at: Moment(1), wall: 1 }, Some(&address), None, &frame.encode());
    for second in 1..5 {
        engine.tick(Now { at: Moment(second * 1_000_000), wall: second * 1_000 });
        while engine.next_output().is_some() {}
    }
}
