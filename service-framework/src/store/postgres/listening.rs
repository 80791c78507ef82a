//! Hears what other processes change: a connection that only listens, made when somebody first waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use postgres::fallible_iterator::FallibleIterator as _;

use super::link::Link;
use super::target::Target;
use crate::store::watch::{Hub, Topic};

/// Between two tries to reach a server again.
const PAUSE: Duration = Duration::from_secs(1);

/// What ends the one who listens: it is told on the channel.
pub(super) const END: &str = "end";

/// Starts to listen, and returns when it does, or when the server could not be reached at once. It goes on until the end, and
/// whenever it could not listen, everybody is woken after it.
pub(super) fn start(target: Target, hub: Arc<Hub>, is_over: Arc<AtomicBool>) {
    let (tried, first) = mpsc::channel();
    let listen = move || {
        let mut tried = Some(tried);
        while !is_over.load(Ordering::SeqCst) {
            // Why it was lost is said to whoever writes or reads.
            let _ = self::listen(&target, &hub, &is_over, &mut tried);
            tried = None;
            thread::sleep(PAUSE);
        }
    };
    if thread::Builder::new().name("store-listener".to_owned()).spawn(listen).is_ok() {
        // An end without a message is that of a first try.
        let _ = first.recv();
    }
}

/// Listens until the end, or until the connection is lost.
fn listen(
    target: &Target,
    hub: &Hub,
    is_over: &AtomicBool,
    tried: &mut Option<mpsc::Sender<()>>,
) -> Result<(), postgres::Error> {
    let mut link = Link::connect(target)?;
    link.run(&format!("LISTEN {}", target.channel()))?;
    // What was told while nobody listened is lost.
    hub.all_changed();
    *tried = None;
    let mut notifications = link.client().notifications();
    let mut told = notifications.blocking_iter();
    while !is_over.load(Ordering::SeqCst) {
        match told.next()? {
            Some(notification) => hub.changed(Topic::from_text(notification.payload())),
            None => break,
        }
    }
    Ok(())
}
