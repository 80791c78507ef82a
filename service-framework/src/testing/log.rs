//! The log of a service under test: whoever asked is not told why a handler failed, a test has to be.

use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default};

/// As long as it lives, warnings and errors of this thread are printed as a test prints, and so shown where it fails. A
/// log that the test has set up itself is left alone.
pub(super) fn shown() -> Option<DefaultGuard> {
    let is_nobodys = tracing::dispatcher::get_default(|set| set.is::<NoSubscriber>());
    let log = || {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_test_writer()
            .finish()
    };
    is_nobodys.then(|| set_default(log()))
}
