//! An async handler: fetches a page over HTTP, while others are answered. The site is a small one of its own, which takes
//! its time.
//!
//! Run with `cargo run --bin http_client -- -a addresses/ideas/http_client.json`.

use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;

use service_framework::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long the site thinks about a page.
const THINKS: Duration = Duration::from_millis(200);

#[derive(Message)]
struct Page {
    path: String,
}

#[derive(Message)]
struct Fetched {
    status: u16,
    body: String,
}

/// Where the site is, once it is open.
#[derive(Default)]
struct Site(OnceLock<SocketAddr>);

async fn fetch(page: Page, site: Arc<Site>) -> Result<Fetched> {
    let site = site.0.get().ok_or_else(|| Refused::new("no_site", "the site is not open yet"))?;
    let answer = tokio::time::timeout(Duration::from_secs(2), get(*site, &page.path)).await??;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| Refused::new("no_http", "the site does not speak HTTP"))?;
    Ok(Fetched { status, body: body.to_owned() })
}

async fn get(site: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(site).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Opens the site before the first request comes.
async fn open_site(site: Arc<Site>) -> Result {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let _first = site.0.set(listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    Ok(())
}

/// `/uptime` says how long this machine has been up; there is nothing else.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut asked = [0; 1024];
    let length = stream.read(&mut asked).await?;
    tokio::time::sleep(THINKS).await;
    let (status, body) = match asked[..length].starts_with(b"GET /uptime ") {
        true => ("200 OK", std::fs::read_to_string("/proc/uptime")?),
        false => ("404 Not Found", String::new()),
    };
    stream.write_all(format!("HTTP/1.0 {status}\r\n\r\n{body}").as_bytes()).await
}

pub(crate) fn service() -> Service {
    Service::new("http_client")
        .replyer("fetch", fetch)
        .shares(Arc::new(Site::default()))
        .init_function(open_site)
}

fn main() -> ExitCode {
    service_framework::run(service())
}
