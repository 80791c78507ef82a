//! Those who deliver callbacks, well or badly; and a book in which deliveries are written down.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use service_framework::flow::connect::callbacks::{
    CallbackSettings, Callbacks, Deliver, DeliverError, Delivered, Delivering, Knowing,
};
use service_framework::value::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::support::within;

/// Ids that it knows, and the first delivery of each.
pub(crate) struct Book {
    entries: Mutex<HashMap<String, Option<Value>>>,
    pub(crate) is_broken: AtomicBool,
    /// How many deliveries are being written down.
    pub(crate) waiting: AtomicUsize,
    /// How many were looked for.
    pub(crate) looked: AtomicUsize,
    /// Lets that many be written down.
    pub(crate) gate: Semaphore,
}

impl Book {
    pub(crate) fn of(ids: impl IntoIterator<Item = impl Into<String>>) -> Arc<Self> {
        Arc::new(Self {
            entries: Mutex::new(ids.into_iter().map(|id| (id.into(), None)).collect()),
            is_broken: AtomicBool::default(),
            waiting: AtomicUsize::default(),
            looked: AtomicUsize::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    /// The same, but nothing is written down until the gate is opened.
    pub(crate) fn closed(ids: impl IntoIterator<Item = impl Into<String>>) -> Arc<Self> {
        let book = Self::of(ids);
        book.gate.forget_permits(Semaphore::MAX_PERMITS);
        book
    }

    pub(crate) fn entry(&self, id: &str) -> Option<Value> {
        self.entries.lock().unwrap()[id].clone()
    }

    /// Waits until so many deliveries are being written down.
    pub(crate) async fn wait_for(&self, many: usize) {
        within(async {
            while self.waiting.load(Ordering::SeqCst) < many {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        })
        .await;
    }
}

impl Deliver for Book {
    fn knows<'a>(&'a self, id: &'a str) -> Knowing<'a> {
        self.looked.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(self.entries.lock().unwrap().contains_key(id))))
    }

    fn deliver<'a>(&'a self, id: &'a str, body: Value) -> Delivering<'a> {
        Box::pin(async move {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let _permit = self.gate.acquire().await;
            if self.is_broken.load(Ordering::SeqCst) {
                return Err(DeliverError("the disk is full".to_owned()));
            }
            match self.entries.lock().unwrap().get_mut(id) {
                None => Ok(Delivered::Unknown),
                Some(Some(_)) => Ok(Delivered::Again),
                Some(entry) => {
                    *entry = Some(body);
                    Ok(Delivered::First)
                }
            }
        })
    }
}

/// Settings with a port that the system chooses.
pub(crate) fn anywhere() -> CallbackSettings {
    CallbackSettings { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..CallbackSettings::default() }
}

pub(crate) async fn listen(settings: CallbackSettings, book: &Arc<Book>) -> Callbacks {
    Callbacks::listen(settings, Arc::clone(book) as Arc<dyn Deliver>).await.unwrap()
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// All lines of the head, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// One who delivers, over one connection.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn connect(callbacks: &Callbacks) -> Self {
        Self(within(TcpStream::connect(callbacks.address())).await.unwrap())
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.0.write_all(bytes.as_ref())).await.unwrap();
    }

    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        self.send([head.as_bytes(), body].concat()).await;
        self.answer().await
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        within(self.read_answer()).await.unwrap()
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.0.read_exact(&mut body).await.ok()?;
        Some(Answer { status, head, body: String::from_utf8(body).unwrap() })
    }

    /// Waits until the other end closes the connection.
    pub(crate) async fn wait_until_closed(&mut self) {
        // A reset is an end too.
        within(async { while self.0.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {} }).await;
    }
}
