//! Clients: each asks on a connection of its own, reads the answer to its end, and asks again.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The request for a program, which fails at its last step or does not.
pub(crate) fn request(program: &str, fails: bool) -> String {
    let country = if fails { "moon" } else { "earth" };
    format!(
        r#"{{"program": "{program}", "data_pool": {{"item": "rope", "country": "{country}"}}, "metadata": {{"client": 7}}}}"#
    )
}

/// One request and its answer.
pub(crate) fn ask(address: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(request)?;
    let mut answer = Vec::with_capacity(1024);
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Has so many clients ask for this long; prints the answers a second, and how many there were before and meanwhile.
pub(crate) fn measure(address: SocketAddr, clients: usize, time: Duration, request: &str) {
    // What is first needed is there when it is measured.
    let (before, _) = answers(address, clients, time / 10, request);
    let (count, seconds) = answers(address, clients, time, request);
    println!("{} {}", count as f64 / seconds, before + count);
}

fn answers(address: SocketAddr, clients: usize, time: Duration, request: &str) -> (u64, f64) {
    let (began, count) = (Instant::now(), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                while began.elapsed() < time {
                    let answer = ask(address, request.as_bytes()).expect("an answer");
                    assert!(answer.ends_with(b"}") && !answer.starts_with(b"{\"_server_error"), "{answer:?}");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    (count.into_inner(), began.elapsed().as_secs_f64())
}
