//! Calling a hook: whatever its function does, the run goes on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Instant;

use super::hooks::{Bound, Call, Function};
use crate::program::error::HookError;
use crate::program::pool::Pool;

/// Calls a function with a pool. A panic is an error, and so is a result that comes too late, which leaves the call in doubt.
pub(super) fn call(bound: &Bound, pool: &mut Pool, call: &Call) -> Result<(), HookError> {
    match call.until {
        Some(until) if !bound.keeps_time => call_until(&bound.function, pool, call, until),
        until => call_here(&*bound.function, pool, call).map_err(|error| match until {
            // Whatever it says of it, its time was over.
            Some(until) if until <= Instant::now() => error.doubted(),
            _ => error,
        }),
    }
}

fn call_here(function: &Function, pool: &mut Pool, call: &Call) -> Result<(), HookError> {
    match catch_unwind(AssertUnwindSafe(|| function(pool, call))) {
        Ok(result) => result,
        Err(panic) => Err(HookError::new(format!("it panicked: {}", text_of(&*panic)))),
    }
}

/// A function cannot be stopped, so one that is late goes on with a pool of its own that nobody looks at any more.
fn call_until(
    function: &Arc<Function>,
    pool: &mut Pool,
    call: &Call,
    until: Instant,
) -> Result<(), HookError> {
    let (send, receive) = sync_channel(1);
    let (function, own_call, mut own) = (function.clone(), call.clone(), pool.clone());
    own.watch();
    let work = move || {
        let result = call_here(&*function, &mut own, &own_call);
        // Nobody waits any more if it is late.
        let _ = send.send((result, own.take_changes()));
    };
    let name = "hook with a timeout".to_owned();
    if let Err(error) = thread::Builder::new().name(name).spawn(work) {
        return Err(HookError::new(format!("no thread could be started for it: {error}")));
    }
    match receive.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok((result, changes)) => {
            changes.removed.iter().for_each(|name| drop(pool.remove(name)));
            changes.set.into_iter().for_each(|(name, value)| pool.set(&name, value));
            result
        }
        Err(RecvTimeoutError::Timeout) => {
            Err(HookError::in_doubt("it did not end within its timeout, and may still be running"))
        }
        Err(RecvTimeoutError::Disconnected) => Err(HookError::in_doubt("its thread ended without a result")),
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::hooks::IntoHook;
    use super::*;

    fn told(until: Option<Duration>) -> Call {
        let until = until.map(|after| Instant::now() + after);
        Call { run: "r".into(), idempotency_key: "r/0".into(), attempt: 1, until }
    }

    #[test]
    fn a_panic_is_an_error() {
        let bound = (|_: &mut Pool| -> Result<(), HookError> { panic!("the {} broke", "press") }).into_hook();
        for until in [None, Some(Duration::from_secs(60))] {
            let error = call(&bound, &mut Pool::new(), &told(until)).unwrap_err();
            assert_eq!(error.text(), "it panicked: the press broke");
        }
    }

    #[test]
    fn what_was_done_in_time_counts() {
        let work = |pool: &mut Pool| {
            pool.set("made", 1);
            pool.remove("used");
            Err(HookError::new("after all"))
        };
        let mut pool = Pool::new();
        pool.set("used", 1);
        let error = call(&work.into_hook(), &mut pool, &told(Some(Duration::from_secs(60)))).unwrap_err();
        assert_eq!((error.text(), pool.has("made"), pool.has("used")), ("after all", true, false));
    }

    #[test]
    fn what_fails_by_itself_is_in_doubt_only_if_its_time_was_over() {
        let work = |_: &mut Pool, _: &Call| Err(HookError::new("no answer"));
        for (until, is_in_doubt) in [(None, false), (Some(60), false), (Some(0), true)] {
            let told = told(until.map(Duration::from_secs));
            let error = call(&Bound::keeping_time(work), &mut Pool::new(), &told).unwrap_err();
            assert_eq!(error.is_in_doubt(), is_in_doubt, "{until:?}");
        }
    }

    #[test]
    fn what_is_late_changes_nothing() {
        let (send, receive) = sync_channel::<()>(0);
        let receive = std::sync::Mutex::new(receive);
        let work = move |pool: &mut Pool| {
            pool.set("made", 1);
            let _ = receive.lock().unwrap().recv();
            Ok(())
        };
        let mut pool = Pool::new();
        let error = call(&work.into_hook(), &mut pool, &told(Some(Duration::from_millis(5)))).unwrap_err();
        assert!(error.is_in_doubt() && error.text().contains("within its timeout"), "{error}");
        assert!(pool.is_empty());
        drop(send);
    }
}
