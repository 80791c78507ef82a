//! Jobs that take a while, and the calls when they are done.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How often somebody is called who is not there.
const ATTEMPTS: usize = 100;

/// How often a job that is done calls back.
#[derive(Clone, Copy)]
pub(crate) enum Callbacks {
    /// Once.
    Once,
    /// Twice.
    Twice,
    /// Not at all.
    Never,
}

impl Callbacks {
    /// What the command line says; anything else than `twice` and `never` is once.
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "twice" => Self::Twice,
            "never" => Self::Never,
            _ => Self::Once,
        }
    }

    pub(crate) fn times(self) -> usize {
        match self {
            Self::Once => 1,
            Self::Twice => 2,
            Self::Never => 0,
        }
    }
}

/// Jobs by their ids, each with the time at which it began.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<(HashMap<String, String>, HashMap<String, Instant>)>);

impl Jobs {
    /// The job of this key: a new one, or the one that there is.
    pub(crate) fn take(&self, key: &str) -> String {
        let (by_key, jobs) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = by_key.get(key).filter(|_| !key.is_empty()) {
            return id.clone();
        }
        let id = format!("job-{}", jobs.len() + 1);
        jobs.insert(id.clone(), Instant::now());
        by_key.insert(key.to_owned(), id.clone());
        id
    }

    /// How a job stands.
    pub(crate) fn status(&self, id: &str, job_time: f64) -> Option<&'static str> {
        let (_, jobs) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let began = jobs.get(id)?;
        let is_done = began.elapsed() >= Duration::from_secs_f64(job_time);
        Some(if is_done { "SUCCESS" } else { "PENDING" })
    }
}

/// Posts JSON to a URL, over and over until it is taken.
pub(crate) async fn deliver(url: &str, body: &Value) {
    for _ in 0..ATTEMPTS {
        match post(url, &body.to_string()).await {
            Ok(status) if status < 500 => return,
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    eprintln!("nobody takes what is posted to {url}");
}

async fn post(url: &str, body: &str) -> std::io::Result<u16> {
    let bad = || std::io::Error::other("only http://HOST:PORT/PATH can be called");
    let rest = url.strip_prefix("http://").ok_or_else(bad)?;
    let (address, path) = rest.split_once('/').ok_or_else(bad)?;
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::other("no answer"))
}
