//! Flows by their command line: real processes, a real service that takes jobs, and whatever becomes of them.

mod children;
mod deploying;
mod jobs;
mod killed;
mod limits;
mod looking;
mod many;
mod refused;
mod running;
mod served;
mod services;
mod support;
