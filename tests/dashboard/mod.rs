//! The dashboard: what it answers, to whom, and what a browser shows of it.

mod browser;
mod http;
mod looks;
mod place;
mod rules;
mod views;
