//! Flows by their command line: real processes, a real service that takes jobs, and whatever becomes of them.

mod children;
mod deploying;
mod faults;
mod jobs;
mod killed;
mod large;
mod limits;
mod looking;
mod many;
mod refused;
mod running;
mod seed;
mod served;
mod services;
mod support;
mod world;
