//! Programs that flows run: each as one step, which is done whole or undone whole.

use crate::flow::connect::{Connector, Errand, Performed, Performing};
use crate::flow::engine::{Outcome, Raised};
use crate::program::{Answer, End, Engine, LAST_FAILED, Pool, Refusal, Request};
use crate::value::Value;
use std::time::Duration;

/// How soon a program is asked for again that could not begin.
const AGAIN: Duration = Duration::from_secs(1);

/// Runs programs for flows. An errand's key is the request's idempotency key, so that a program runs once however often it is asked
/// for.
pub struct RunPrograms(Engine);

impl RunPrograms {
    /// Those of this engine.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self(engine)
    }
}

impl Connector for RunPrograms {
    fn queue(&self) -> &'static str {
        "program"
    }

    fn perform(&self, errand: Errand) -> Performing<'_> {
        Box::pin(async move {
            let request = match request_of(&errand) {
                Ok(request) => request,
                Err(raised) => return Performed::Done(Outcome::Error(raised)),
            };
            match self.0.ask(request).await {
                Answer::Ran { end: End::Done, pool, .. } => Performed::Done(Outcome::Value(pool.to_value())),
                Answer::Ran { run, pool, end } => Performed::Done(Outcome::Error(failed(&run, end, &pool))),
                Answer::Refused(refusal @ (Refusal::Request(_) | Refusal::Lock(_))) => {
                    Performed::Done(Outcome::Error(raised("ValueError", refusal.to_string())))
                }
                Answer::Refused(refusal) => Performed::Again { after: AGAIN, reason: refusal.to_string() },
            }
        })
    }
}

fn request_of(errand: &Errand) -> Result<Request, Raised> {
    let ("program.run", [Value::Str(program), args]) = (errand.name.as_str(), errand.args.as_slice()) else {
        return Err(raised("TypeError", format!("these are no arguments of {:?}", errand.name)));
    };
    let pool = Pool::from_value(args.clone()).map_err(|error| raised("TypeError", error.to_string()))?;
    Ok(Request::new(program, pool).idempotent(&errand.key()))
}

fn failed(run: &str, end: End, pool: &Pool) -> Raised {
    let hook = pool.get(LAST_FAILED).and_then(Value::as_str).unwrap_or("a hook");
    let what = match end {
        End::Stuck => format!("{hook} failed, and what it had done is not undone yet: see run {run}"),
        _ => format!("{hook} failed, and all of it is undone: run {run}"),
    };
    raised("RuntimeError", what)
}

fn raised(kind: &str, message: String) -> Raised {
    Raised { kind: kind.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{HookError, Hooks, Settings, Spec};
    use crate::store::Store;

    const SPEC: &str = r#"{"name": "hello", "programs": {"hello": {"hooks": ["greet"], "args": {"name": {"type": "str", "required": true}},
        "outputs": {"greeting": {"type": "str", "required": true}}}}, "hooks": {"greet": {"reference": "hello.greet",
        "args": {"name": {"type": "str", "required": true}}}}}"#;

    fn greet(pool: &mut Pool) -> Result<(), HookError> {
        match pool.get("name").and_then(Value::as_str) {
            Some("nobody") => Err(HookError::new("there is nobody")),
            name => {
                let greeting = format!("hello {}", name.unwrap_or_default());
                pool.set("greeting", greeting.as_str());
                Ok(())
            }
        }
    }

    fn perform(name: &str, args: Value) -> Performed {
        let engine = Engine::start(
            Spec::from_text(SPEC).unwrap(),
            &Hooks::new().hook("greet", greet),
            Store::in_memory(),
            Settings::default(),
        );
        let programs = RunPrograms::new(engine.unwrap());
        let args = vec![Value::Str(name.to_owned()), args];
        let errand =
            Errand { flow: "f".to_owned(), call: 3, name: "program.run".to_owned(), args, attempt: 1 };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let performed = runtime.block_on(programs.perform(errand.clone()));
        assert_eq!(runtime.block_on(programs.perform(errand)), performed, "the same errand is the same run");
        performed
    }

    fn named(name: &str) -> Value {
        Value::Map(vec![(Value::Str("name".to_owned()), Value::Str(name.to_owned()))])
    }

    #[test]
    fn a_program_is_a_step_and_its_failure_an_exception() {
        let Performed::Done(Outcome::Value(outputs)) = perform("hello", named("you")) else { panic!() };
        assert_eq!(outputs.get("greeting").and_then(Value::as_str), Some("hello you"));
        let Performed::Done(Outcome::Error(error)) = perform("hello", named("nobody")) else { panic!() };
        assert!(error.kind == "RuntimeError" && error.message.contains("hello.greet failed"), "{error:?}");
        for (program, args) in
            [("helo", named("you")), ("hello", Value::Int(1)), ("hello", Value::Map(Vec::new()))]
        {
            assert!(matches!(perform(program, args), Performed::Done(Outcome::Error(_))), "{program}");
        }
    }
}
