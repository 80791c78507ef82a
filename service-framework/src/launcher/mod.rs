//! Launcher: command line, files, signals, processes, logs and exit codes. Nothing else touches these.

mod arguments;
mod check;
mod command;
mod completions;
mod describe;
pub mod exit;
mod files;
mod inputs;
mod logs;
mod pairs;
mod program;
mod report;
mod resolve;
mod schemas;
mod signals;
mod terminal;
