//! Running a prepared service: opens its sockets, calls its hooks, serves or runs `main`, and ends in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::blocking::{Mover, may_block};
use super::error::{HandlerError, Result as HookResult, RunError};
use super::extract::Run;
use super::hook::{ErasedHook, HookCall};
use super::input::panic_text;
use super::open::Opener;
use super::owner::Owner;
use super::prepare::Prepared;
use super::reactor::Reactor;
use super::scope::Scope;
use super::shared::Shared;
use super::state_sockets::{OwnerSockets, StateSockets};
use super::stop::{Cause, Stop};
use crate::connection::{SendError, SocketError, Sockets, Wake, after, is_ready, poll, readable};

impl Prepared {
    /// Runs the service on this thread until it is asked to stop or, in main mode, `main` ends.
    ///
    /// # Errors
    /// A socket cannot be opened, a hook fails, or the grace period was not enough.
    pub fn run(self, stop: &Stop) -> Result<(), RunError> {
        self.run_telling(stop, Box::new(|_| {}))
    }

    /// As [`Prepared::run`]; `ready` is called once the sockets are open and `init_function` is through.
    pub(crate) fn run_telling(mut self, stop: &Stop, ready: OnReady) -> Result<(), RunError> {
        let others = std::mem::take(&mut self.on_ready);
        let ready: OnReady = Box::new(move |shared| {
            others.into_iter().for_each(|told| told(shared));
            ready(shared);
        });
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
        // Timers and IO for async code, on one thread of their own, which sleeps until something asks for it.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime =
            runtime.map_err(|source| RunError::System { what: "start the async runtime", source })?;
        let sockets = Sockets::new();
        let ended = {
            let _entered = runtime.enter();
            match self.main_mode {
                true => self.lead(sockets, stop, runtime.handle().clone(), ready),
                false => self.serve(&sockets, stop, ready),
            }
        };
        runtime.shutdown_background();
        ended
    }

    /// Serves the in connections on this thread.
    fn serve(mut self, sockets: &Sockets, stop: &Stop, ready: OnReady) -> Result<(), RunError> {
        let (init, on_stop) = (self.hooks.init_function.take(), StopHooks::take(&mut self));
        let (grace, min_wait, name) = (self.grace, self.min_wait, self.model.name.clone());
        let opener = Opener::new(self, stop, None)?;
        let shared = opener.shared.clone();
        let (outs, wait) = opener.outs(sockets)?;
        let (owners, wait_for_states) = opener.owners(sockets)?;
        let wait = wait.max(wait_for_states);
        let mut states = owners.into();
        let inputs = opener.inputs(sockets, &mut states)?;
        let reactor = Reactor::new(shared.clone(), outs, states);
        let mover = Mover::Sockets(reactor.clone());
        let stop_bell = Arc::new(bell()?);
        let (bell, wake) = (stop_bell.clone(), shared.link.wake.clone());
        stop.listen(move || {
            bell.ring();
            wake.ring();
        });
        // Subscribers find their publishers in this time; requests wait for it in their sockets.
        let _slept = reactor.sleep(after(Instant::now(), wait), &Scope::of_hook(true));
        if let Some(init) = init {
            unless_stopping("init_function", run_hook("init_function", init, &shared, &mover, true), stop)?;
        }
        tracing::info!(service = name, "ready");
        ready(&shared);
        let mut owner = Owner::new(shared.clone(), reactor.clone(), inputs);
        let broken = |source| RunError::Socket { connection: name.clone(), source };
        owner.serve_until_stop(min_wait, &stop_bell).map_err(broken)?;
        let hooked = on_stop.run(stop, &shared, &mover);
        let ended = owner.drain(grace).map_err(broken)?;
        reactor.states.borrow_mut().close();
        shared.end();
        hooked?;
        if ended { Ok(()) } else { Err(RunError::GraceOver(grace)) }
    }

    /// Runs `main` on a thread that owns the out connections; this one serves the out states meanwhile and waits for
    /// main's end, or for that of the grace period.
    fn lead(
        mut self,
        sockets: Sockets,
        stop: &Stop,
        runtime: tokio::runtime::Handle,
        ready: OnReady,
    ) -> Result<(), RunError> {
        let grace = self.grace;
        let bell = Arc::new(bell()?);
        let (tell, news) = channel();
        let (at_stop, stop_bell) = (tell.clone(), bell.clone());
        stop.listen(move || {
            drop(at_stop.send(News::Stop));
            stop_bell.ring();
        });
        let hooks = &mut self.hooks;
        let (init, main) = (hooks.init_function.take(), hooks.main.take());
        let hooks = LeadHooks { init, ready, main, on_stop: StopHooks::take(&mut self) };
        let (stop_of_main, main_bell) = (stop.clone(), bell.clone());
        let main = move || {
            let _entered = runtime.enter();
            let run = || self.run_main(&sockets, &stop_of_main, hooks, (&tell, &main_bell));
            let result = catch_unwind(AssertUnwindSafe(run));
            drop(sockets);
            let panicked = |panic: Box<dyn std::any::Any + Send>| {
                Err(RunError::Panicked { hook: "main", reason: panic_text(&*panic) })
            };
            let _heard = tell.send(News::Ended(result.unwrap_or_else(panicked)));
            main_bell.ring();
        };
        let started = std::thread::Builder::new().name("main".into()).spawn(main);
        started.map_err(|source| RunError::System { what: "start a thread for main", source })?;
        attend(&news, &bell, grace)
    }

    fn run_main(
        self,
        sockets: &Sockets,
        stop: &Stop,
        hooks: LeadHooks,
        (tell, bell): (&Sender<News>, &Arc<Wake>),
    ) -> Result<(), RunError> {
        let opener = Opener::new(self, stop, Some(bell.clone()))?;
        let shared = opener.shared.clone();
        let (outs, wait) = opener.outs(sockets)?;
        let (owners, wait_for_states) = opener.owners(sockets)?;
        let _attended = tell.send(News::States(owners));
        bell.ring();
        let reactor = Reactor::new(shared.clone(), outs, StateSockets::default());
        let mover = Mover::Sockets(reactor.clone());
        let wake = shared.link.wake.clone();
        stop.listen(move || wake.ring());
        let wait = wait.max(wait_for_states);
        let _slept = reactor.sleep(after(Instant::now(), wait), &Scope::of_hook(true));
        let run = |name, hook: Option<ErasedHook>| {
            let Some(hook) = hook.filter(|_| !stop.is_requested()) else { return Ok(()) };
            unless_stopping(name, run_hook(name, hook, &shared, &mover, true), stop)
        };
        let LeadHooks { init, ready, main, on_stop } = hooks;
        let ended = run("init_function", init).and_then(|()| {
            ready(&shared);
            run("main", main)
        });
        let ended = ended.and_then(|()| on_stop.run(stop, &shared, &mover));
        shared.end();
        ended
    }
}

/// Who is told that a service is open.
pub(crate) type OnReady = Box<dyn FnOnce(&Arc<Shared>) + Send>;

/// What is called in main mode, in this order.
struct LeadHooks {
    init: Option<ErasedHook>,
    ready: OnReady,
    main: Option<ErasedHook>,
    on_stop: StopHooks,
}

/// What the thread that attends to `main` is told.
enum News {
    /// The out states, which it is to serve.
    States(OwnerSockets),
    Stop,
    Ended(Result<(), RunError>),
}

/// Serves the out states while `main` runs; how that ended.
fn attend(news: &Receiver<News>, bell: &Wake, grace: Duration) -> Result<(), RunError> {
    let (mut states, mut end) = (StateSockets::default(), None);
    loop {
        match news.try_recv() {
            Ok(News::Ended(result)) => {
                states.close();
                return result;
            }
            Ok(News::States(owners)) => states = owners.into(),
            Ok(News::Stop) => end = Some(after(Instant::now(), grace.saturating_add(Sockets::LINGER))),
            Err(_) if end.is_some_and(|end| end <= Instant::now()) => return Err(RunError::GraceOver(grace)),
            Err(_) => serve_states(&mut states, bell, end)
                .map_err(|source| RunError::Socket { connection: "states".into(), source })?,
        }
    }
}

fn serve_states(states: &mut StateSockets, bell: &Wake, until: Option<Instant>) -> Result<(), SocketError> {
    let ready: Vec<bool> = {
        let mut items = vec![readable(bell.fd())];
        states.poll_items(&mut items);
        let until = [until, states.next_time()].into_iter().flatten().min();
        poll(&mut items, until.map(|until| until.saturating_duration_since(Instant::now())))?;
        items.iter().map(is_ready).collect()
    };
    bell.clear(ready[0]);
    states.turn(&ready[1..], Instant::now())
}

/// The service's own handlers of signals.
pub(super) struct StopHooks {
    interrupt: Option<ErasedHook>,
    terminate: Option<ErasedHook>,
}

impl StopHooks {
    pub(super) fn take(prepared: &mut Prepared) -> Self {
        let hooks = &mut prepared.hooks;
        Self { interrupt: hooks.sigint_handler.take(), terminate: hooks.sigterm_handler.take() }
    }

    pub(super) fn run(self, stop: &Stop, shared: &Arc<Shared>, mover: &Mover) -> Result<(), RunError> {
        let (name, hook) = match stop.cause() {
            Some(Cause::Interrupt) => ("sigint_handler", self.interrupt),
            Some(Cause::Terminate) => ("sigterm_handler", self.terminate),
            Some(Cause::Call) | None => return Ok(()),
        };
        let Some(hook) = hook else { return Ok(()) };
        run_hook(name, hook, shared, mover, false)?.map_err(|error| failed(name, &error))
    }
}

/// Calls a hook on the thread that owns the out connections. `None` inside: it was dropped for a stop.
pub(super) fn run_hook(
    name: &'static str,
    hook: ErasedHook,
    shared: &Arc<Shared>,
    mover: &Mover,
    ends_at_stop: bool,
) -> Result<HookResult, RunError> {
    let scope = Arc::new(Scope::of_hook(ends_at_stop));
    let run = Run { shared, scope: &|| scope.clone() };
    let call = || match hook.call {
        HookCall::Blocking(hook) => {
            let _waits = may_block(mover);
            hook(&run)
        }
        HookCall::Async(hook) if ends_at_stop => mover.block_on_until_stop(hook(&run)).unwrap_or(Ok(())),
        HookCall::Async(hook) => mover.block_on(hook(&run)),
    };
    catch_unwind(AssertUnwindSafe(call))
        .map_err(|panic| RunError::Panicked { hook: name, reason: panic_text(&*panic) })
}

/// A hook that ends because the service stops has not failed.
pub(super) fn unless_stopping(
    name: &'static str,
    ran: Result<HookResult, RunError>,
    stop: &Stop,
) -> Result<(), RunError> {
    match ran? {
        Err(error) if stop.is_requested() && is_stopping(&error) => Ok(()),
        result => result.map_err(|error| failed(name, &error)),
    }
}

fn is_stopping(error: &HandlerError) -> bool {
    error.downcast_ref::<SendError>().is_some_and(SendError::is_stopping)
}

fn failed(hook: &'static str, error: &HandlerError) -> RunError {
    RunError::Hook { hook, reason: error.chain() }
}

pub(super) fn bell() -> Result<Wake, RunError> {
    Wake::new().map_err(|source| RunError::System { what: "open an eventfd", source })
}
