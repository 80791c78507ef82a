//! The host system with a few services more, on ports of its own and with control sockets of its own.

use serde_json::{Value as Json, json};

use super::http::{Answer, get};
use crate::folder::{Folder, LAUNCHER};
use crate::support::{Process, free_address, root, wait_until};

/// What must never be read as HTML.
pub(super) const EVIL: &str = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>";

/// A service in another language that logs and tells what is evil.
pub(super) const HOSTILE: &str = r#"
import json, sys
evil = sys.argv[1]
print(evil, file=sys.stderr, flush=True)
for line in sys.stdin:
    told = json.loads(line)
    if told.get("handler") == "init_function":
        print(json.dumps({"send": 1, "call": told["call"], "state": "evil", "args": {"html": evil, "tree": {evil: [evil]}}}), flush=True)
    elif "result" in told:
        print(json.dumps({"reply": 1, "return_args": None}), flush=True)
    elif "call" in told:
        print(json.dumps({"reply": told["call"], "return_args": None}), flush=True)
"#;

/// A folder with a system that runs, and a page of it.
pub(super) struct Place {
    pub(super) folder: Folder,
    /// Where `middle` and `echo` answer.
    pub(super) middle: String,
    pub(super) echo: String,
}

impl Place {
    /// Nothing runs yet.
    pub(super) fn new() -> Self {
        let (middle, echo) = (free_address(), free_address());
        let folder = Folder::new();
        let runtime = folder.path("").display().to_string();
        let model = json!({
            "name": "hostile",
            "command": ["python3", "hostile.py", EVIL],
            "state_models": { "out": { "evil": {
                "state_type": "full_update", "required_arguments": { "html": "str", "tree": "any" },
            } } },
        });
        let folder = folder
            .with("system.json", system(&middle, &echo))
            .with("hostile.json", model)
            .with("hostile.py", HOSTILE)
            .with_variable("XDG_RUNTIME_DIR", runtime.trim_end_matches('/'));
        Self { folder, middle, echo }
    }

    /// Starts the system with a page, and waits until all services are ready; returns where the page is.
    pub(super) fn up(&self, further: &[&str]) -> (Process, String) {
        let mut up = Process::start(
            self.folder
                .command(LAUNCHER)
                .args(["up", "system.json", "--dashboard=127.0.0.1:0"])
                .args(further),
        );
        let address = address(&up.wait_for("dashboard at "));
        wait_until("all are ready", || {
            let services = services(&address);
            services.len() == 6 && services.iter().all(|service| service["state"] == "ready")
        });
        (up, address)
    }

    /// A page of its own, for everything that runs.
    pub(super) fn dashboard(&self, further: &[&str]) -> (Process, String) {
        let mut command = self.folder.command(LAUNCHER);
        let mut page = Process::start(command.args(["dashboard", "--listen", "127.0.0.1:0"]).args(further));
        let url = page.wait_for("http://");
        (page, address(&url))
    }

    /// Asks `middle`, which asks `echo` twice.
    pub(super) fn ask(&self, payload: &str) {
        let mut command = self.folder.command(LAUNCHER);
        let asked =
            command.args(["call", &self.middle, "mid"]).arg(json!({ "payload": payload }).to_string());
        assert!(asked.output().unwrap().status.success());
    }

    /// Asks `echo` for what fails.
    pub(super) fn fail(&self) {
        let mut command = self.folder.command(LAUNCHER);
        let asked = json!({ "payload": "", "cmd": "raise" }).to_string();
        assert!(!command.args(["call", &self.echo, "echo"]).arg(asked).output().unwrap().status.success());
    }
}

/// The system of `examples/systems/host`, and `middle`, `echo` and `hostile`.
fn system(middle: &str, echo: &str) -> Json {
    let file = std::fs::read_to_string(root().join("examples/systems/host/system.json")).unwrap();
    let mut system: Json = serde_json::from_str(&file).unwrap();
    for name in ["sensor", "answers", "view"] {
        let service = &mut system["services"][name];
        let config = root().join("configs/host").join(format!("host_{name}.json"));
        service["config"] = json!(config);
        service["restart"] = json!({ "policy": "on-failure", "backoff": "100ms" });
    }
    let restart = json!({ "policy": "on-failure" });
    system["services"]["echo"] = json!({ "service": "echo_replyer", "restart": restart });
    system["services"]["middle"] = json!({ "service": "middle", "depends_on": ["echo"], "restart": restart });
    system["services"]["hostile"] = json!({ "service": "./hostile.json" });
    let addresses = system["addresses"].as_object_mut().unwrap();
    for (_, address) in addresses.iter_mut().filter(|(_, address)| !is_name(address)) {
        *address = json!("free");
    }
    for (end, address) in
        [("echo.echo", echo), ("middle.mid", middle), ("middle.echo", "echo.echo"), ("hostile.evil", "free")]
    {
        addresses.insert(end.to_owned(), json!(address));
    }
    system["name"] = json!("host");
    system
}

fn is_name(address: &Json) -> bool {
    address.as_str().is_some_and(|address| !address.contains(':'))
}

/// `HOST:PORT` of the URL in a line.
pub(super) fn address(line: &str) -> String {
    let (_, behind) = line.split_once("http://").unwrap();
    behind.split('/').next().unwrap().to_owned()
}

/// The rows of the table.
pub(super) fn services(address: &str) -> Vec<Json> {
    get(address, "/api/live").json()["services"].as_array().unwrap().clone()
}

/// The row of one service.
#[track_caller]
pub(super) fn service(address: &str, name: &str) -> Json {
    services(address).into_iter().find(|row| row["entry"] == name).unwrap_or_else(|| panic!("no {name}"))
}

/// What a service says about one path of the page, by its id.
pub(super) fn of_service(address: &str, path: &str, id: &str) -> Answer {
    get(address, &format!("{path}id={}", id.replace('/', "%2F")))
}
