//! Launcher: command line, files, signals, processes, logs and exit codes. Nothing else touches these.
