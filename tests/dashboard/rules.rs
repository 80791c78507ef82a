//! Who may see the page and who may do something, without a browser.

use std::io::{BufReader, Read};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, geteuid};
use serde_json::json;

use super::http::{Answer, get, get_over, send};
use super::place::{Place, address, service};
use crate::folder::LAUNCHER;
use crate::support::{PATIENCE, Process, wait_until};

#[test]
fn other_names_and_other_sites_get_nothing() {
    let place = Place::new();
    let (page, address) = place.dashboard(&[]);
    let answer = get(&address, "/");
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-security-policy").starts_with("default-src 'self';"), "{answer:?}");
    assert_eq!((answer.header("cache-control"), answer.header("x-frame-options")), ("no-store", "DENY"));
    let with = |name: &str, value: &str| send(&address, "GET /api/live", &[(name, value)], "");
    assert_eq!(with("accept", "*/*").json(), json!({ "systems": [], "services": [] }));
    for host in ["evil.example", "evil.example:60859", "10.0.0.7", ""] {
        let answer = with("host", host);
        assert_eq!((answer.status, answer.code().as_str()), (421, "foreign_host"), "{host}");
        assert!(!answer.header("content-security-policy").is_empty());
    }
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "http://evil.example")]
    {
        assert_eq!(with(name, value).code(), "foreign_site", "{name}: {value}");
    }
    assert_eq!(get(&address, "/../etc/passwd").status, 404);
    assert_eq!(send(&address, "DELETE /api/live", &[], "").status, 405);
    assert_eq!(page.finish_by(Signal::TERM).code, Some(0));
}

/// What another user of this machine is answered.
fn as_another_user(address: &str) -> Option<String> {
    if !geteuid().is_root() {
        println!("skipped: only root can become another user");
        return None;
    }
    let (host, port) = address.split_once(':')?;
    let script = format!(
        "exec 3<>/dev/tcp/{host}/{port}; printf 'GET /api/live HTTP/1.1\\r\\nhost: {address}\\r\\nconnection: close\\r\\n\\r\\n' >&3; cat <&3"
    );
    let asked = Command::new("bash").args(["-c", &script]).uid(65_534).gid(65_534).output();
    Some(String::from_utf8(asked.unwrap().stdout).unwrap())
}

#[test]
fn other_users_of_this_machine_get_nothing() {
    let place = Place::new();
    let (_page, address) = place.dashboard(&[]);
    let Some(answer) = as_another_user(&address) else { return };
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("other_user"), "{answer}");
}

/// Connects many times as another user and says nothing; a line comes when one of them was closed.
const SILENT: &str = "
import select, socket, sys
address = (sys.argv[1], int(sys.argv[2]))
held = [socket.create_connection(address) for _ in range(64)]
select.select(held, [], [])
print('one is closed', flush=True)
";

#[test]
fn other_users_who_say_nothing_take_nobodys_place() {
    let place = Place::new();
    let (_page, address) = place.dashboard(&[]);
    if !geteuid().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let mut own = BufReader::new(TcpStream::connect(&address).unwrap());
    own.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(get_over(&mut own, "/api/about").status, 200);
    let (host, port) = address.split_once(':').unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", SILENT, host, port]).uid(65_534).gid(65_534);
    let is_closed = AtomicBool::new(false);
    thread::scope(|scope| {
        // It is older than theirs, so it would be the first that has to go for one of them.
        let asks = scope.spawn(|| {
            while !is_closed.load(Ordering::Relaxed) {
                assert_eq!(get_over(&mut own, "/api/about").status, 200, "it had to go");
                thread::sleep(Duration::from_millis(20));
            }
            get_over(&mut own, "/api/about").status
        });
        Process::start(&mut command).wait_for("one is closed");
        is_closed.store(true, Ordering::Relaxed);
        assert_eq!(asks.join().unwrap(), 200);
    });
    assert_eq!(get(&address, "/api/about").status, 200);
}

#[test]
fn beyond_this_machine_everybody_needs_the_token() {
    let place = Place::new();
    let mut command = place.folder.command(LAUNCHER);
    let mut page = Process::start(command.args(["dashboard", "--listen", "0.0.0.0:0"]));
    let url = page.wait_for("http://");
    let token = url.trim().split_once("/?token=").unwrap().1.to_owned();
    let port = address(&url).rsplit_once(':').unwrap().1.to_owned();
    let address = format!("127.0.0.1:{port}");
    assert_eq!(token.len(), 32);
    for path in ["/", "/app.js", "/api/live", &format!("/api/live?token={token}"), "/?token=guessed"] {
        let answer = get(&address, path);
        assert_eq!((answer.status, answer.code().as_str()), (401, "no_token"), "{path}");
    }
    let answer = get(&address, &format!("/?token={token}"));
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let with = |name: &str, value: &str| send(&address, "GET /api/live", &[(name, value)], "").status;
    assert_eq!(with("cookie", &cookie), 200);
    assert_eq!(with("cookie", &cookie.to_lowercase()), 401);
    assert_eq!(with("authorization", &format!("Bearer {token}")), 200);
    assert_eq!(with("authorization", &format!("Basic {token}")), 401);
}

/// Has something done by the page.
fn act(address: &str, secret: &str, action: &serde_json::Value) -> Answer {
    send(address, "POST /api/act", &[("x-dashboard-secret", secret)], &action.to_string())
}

#[test]
fn a_page_that_only_shows_does_nothing() {
    let place = Place::new();
    let (_up, address) = place.up(&[]);
    let about = get(&address, "/api/about").json();
    assert_eq!((&about["actions"], &about["secret"]), (&json!(false), &json!(null)));
    let id = service(&address, "sensor")["id"].clone();
    for secret in ["", "null"] {
        let answer = act(&address, secret, &json!({ "what": "stop", "id": id }));
        assert_eq!((answer.status, answer.code().as_str()), (403, "read_only"));
    }
    assert_eq!(service(&address, "sensor")["state"], "ready");
}

#[test]
fn only_the_page_restarts_and_stops_and_only_if_it_may() {
    let place = Place::new();
    let (_up, address) = place.up(&["--allow_actions"]);
    let secret = get(&address, "/api/about").json()["secret"].as_str().unwrap().to_owned();
    let before = service(&address, "echo");
    let restart = json!({ "what": "restart", "id": before["id"] });
    for wrong in ["", "guessed", &secret.to_uppercase()] {
        assert_eq!(act(&address, wrong, &restart).code(), "foreign_page");
    }
    let headers = [("x-dashboard-secret", secret.as_str()), ("origin", "http://evil.example")];
    assert_eq!(send(&address, "POST /api/act", &headers, &restart.to_string()).code(), "foreign_site");
    assert_eq!(send(&address, "GET /api/act", &[], "").status, 405);

    assert_eq!(act(&address, &secret, &restart).status, 200);
    wait_until("it is another process", || {
        let now = service(&address, "echo");
        now["state"] == "ready" && now["pid"] != before["pid"]
    });
    let level = act(&address, &secret, &json!({ "what": "log_level", "id": before["id"], "level": "DEBUG" }));
    assert_eq!(level.json()["done"]["level"], "DEBUG", "{level:?}");
    assert_eq!(act(&address, &secret, &json!({ "what": "stop", "id": before["id"] })).status, 200);
    wait_until("it is stopped", || service(&address, "echo")["state"] == "stopped");
    for wrong in [
        json!({ "what": "explode", "id": before["id"] }),
        json!({ "what": "log_level", "id": service(&address, "middle")["id"], "level": "LOUD" }),
        json!([]),
    ] {
        let answer = act(&address, &secret, &wrong);
        assert!(answer.status == 400 || answer.status == 404, "{answer:?}");
    }
    assert_eq!(act(&address, &secret, &json!({ "what": "stop", "id": "1/nobody" })).status, 404);
    assert_eq!(act(&address, &secret, &json!("x".repeat(20_000))).status, 400, "too long");
}

#[test]
fn guests_who_say_nothing_give_way_to_others() {
    let place = Place::new();
    let (_page, address) = place.dashboard(&[]);
    let mut silent: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for _ in 0..8 {
        assert_eq!(get(&address, "/api/about").status, 200);
    }
    silent[0].set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(silent[0].read(&mut [0; 1]).unwrap_or(0), 0, "the oldest has gone");
}

#[test]
fn what_is_wrong_with_the_place_is_said() {
    let place = Place::new();
    let wrong = |line: &str| {
        let ended = place.folder.launch(line);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        ended.stderr
    };
    insta::assert_snapshot!(wrong("dashboard --listen 8080"), @r#"
    error: --listen
      expected  HOST:PORT, such as 127.0.0.1:60859 or 0.0.0.0:8080
      found     "8080"
    1 problem: nothing was started
    "#);
    insta::assert_snapshot!(wrong("up system.json --dashboard=localhost"), @r#"
    error: --dashboard
      expected  HOST:PORT, such as 127.0.0.1:60859 or 0.0.0.0:8080
      found     "localhost"
    1 problem: nothing was started
    "#);
    insta::assert_snapshot!(wrong("up system.json --allow_actions"), @r"
    error: --allow_actions
      expected  --dashboard, the page that it is about
      found     nothing
    1 problem: nothing was started
    ");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    for line in [format!("dashboard --listen {at}"), format!("up system.json --dashboard={at}")] {
        let ended = place.folder.launch(&line);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&format!("nothing can listen at {at}")), "{ended:?}");
    }
}
