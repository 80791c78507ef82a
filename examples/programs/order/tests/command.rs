//! The crate's program: the whole command line, with its own spec and hooks.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// A shop with one rope, and a customer who can pay for it.
struct Shop(tempfile::TempDir);

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in
            [("stock/rope", "1"), ("prices/rope", "12.5"), ("accounts/ada", "100"), ("carriers/post", "")]
        {
            let path = folder.path().join("shop").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_order"));
        command.current_dir(self.0.path()).env_remove("ORDER_SHOP").args(line.split_whitespace());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).stdin(Stdio::null()).output().unwrap()
    }

    fn has(&self, file: &str) -> bool {
        Path::new(self.0.path()).join("shop").join(file).exists()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const BUY: &str = "run buy --arg customer_id=ada --arg item=rope --arg order_id=";

#[test]
fn a_program_runs_and_is_looked_after_without_files() {
    let shop = Shop::open();
    let done = shop.run(&format!("{BUY}o-1"));
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("\"parcel\": \"post-o-1\""), "{}", text(&done.stdout));
    assert!(shop.has("reserved/o-1") && shop.has("sent/o-1"));

    // There was only one.
    let failed = shop.run(&format!("{BUY}o-2 --arg express=true"));
    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stderr));
    assert!(
        text(&failed.stderr).contains("1 of rope were asked for, 0 are left"),
        "{}",
        text(&failed.stderr)
    );

    let listed = text(&shop.run("list").stdout);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(text(&shop.run("graph tell").stdout).starts_with("tell: "));
    assert!(text(&shop.run("check").stdout).contains("its own spec: 2 programs, 11 hooks"));
    let help = text(&shop.run("--help").stdout);
    assert!(help.contains("order program COMMAND"), "{help}");
}

#[test]
fn a_spec_that_does_not_fit_the_functions_is_refused() {
    let shop = Shop::open();
    let spec = order::SPEC
        .replace("\"count\": { \"type\": \"int\", \"default\": 1,", "\"count\": { \"type\": \"str\",");
    fs::write(
        shop.0.path().join("other.json"),
        spec.replace("\"find_price\": {", "\"find_prices\": {")
            .replace("hooks.find_price", "hooks.find_prices"),
    )
    .unwrap();
    let refused = shop.run(&format!("{BUY}o-1 -s other.json --store memory"));
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    for said in ["hooks.reserve.args.count", "hooks.find_price\n", "hooks.find_prices\n"] {
        assert!(text(&refused.stderr).contains(said), "{said} is not in {}", text(&refused.stderr));
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn without_a_command_it_serves() {
    let shop = Shop::open();
    let mut command = shop.command("--port 0 --store memory");
    let mut server = Server(command.stderr(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(server.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.contains("serving programs")).unwrap();
    let address = line.split("address=").nth(1).unwrap().split(' ').next().unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    socket
        .write_all(
            br#"{"program": "buy", "data_pool": {"order_id": "o-1", "customer_id": "ada", "item": "rope"}}"#,
        )
        .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(r#""price":12.5"#) && answer.contains(r#""parcel":"post-o-1""#), "{answer}");
}
