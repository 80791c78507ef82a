//! A service that is recorded from its first message on: it calls its recorder before it opens a socket, and is asked
//! over that connection as over its own control socket.

use std::env;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use super::server::{Host, attend_to};
use crate::connection::tap::Hub;

/// The variable with the socket of the recorder.
pub(crate) const RECORDER: &str = "SERVICE_FRAMEWORK_RECORDER";

/// How long a recorder may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);

/// Calls the recorder, if the environment names one. Without it the service runs as well.
pub(crate) fn call(host: &Arc<impl Host>, tap: &Hub) {
    let Some(path) = env::var_os(RECORDER) else { return };
    let called = UnixStream::connect(&path).and_then(|stream| attend_to(stream, host.clone()));
    match called {
        Ok(()) if tap.wait_for_guest(PATIENCE) => {}
        Ok(()) => tracing::warn!("the recorder does not ask: the first messages may be missing"),
        Err(error) => {
            tracing::warn!(recorder = %path.display(), "this service is not recorded: {error}");
        }
    }
}
