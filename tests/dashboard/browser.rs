//! A real browser without a window, driven through WebDriver: Debian's packages `chromium` and `chromium-driver`.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::http::send;
use crate::support::{PATIENCE, Process};

/// With this variable a test fails that finds no browser.
const NEEDED: &str = "SERVICE_FRAMEWORK_BROWSER";

const DRIVER: &str = "chromedriver";

/// A browser with one page. It is gone when this is.
pub(super) struct Browser {
    address: String,
    session: String,
    _driver: Process,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a browser; None if there is none, which is said.
    pub(super) fn open() -> Option<Self> {
        let paths = env::var_os("PATH").unwrap_or_default();
        if !env::split_paths(&paths).any(|folder| folder.join(DRIVER).exists()) {
            assert!(env::var_os(NEEDED).is_none(), "{NEEDED} is set, and there is no {DRIVER}");
            println!(
                "skipped: there is no {DRIVER} (Debian's chromium-driver), without which no page is looked at"
            );
            return None;
        }
        let mut driver = Process::start(Command::new(DRIVER).arg("--port=0"));
        let line = driver.wait_for("started successfully on port");
        let port: String = line.chars().filter(char::is_ascii_digit).collect();
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self {
            address: format!("127.0.0.1:{port}"),
            session: String::new(),
            _driver: driver,
            _profile: profile,
        };
        let session = browser.ask("POST", "/session", &capabilities(browser._profile.path()));
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        Some(browser)
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Json) -> Json {
        let what = format!("{method} {}{path}", self.session);
        let headers = [("content-type", "application/json; charset=utf-8")];
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let answer = send(&self.address, &what, &headers, &body);
        let value = answer.json()["value"].clone();
        assert_eq!(answer.status, 200, "{what}: {value}");
        value
    }

    /// Goes to a page.
    pub(super) fn go(&self, url: &str) {
        self.ask("POST", "/url", &json!({ "url": url }));
    }

    /// What a function of the page returns.
    #[track_caller]
    pub(super) fn run(&self, script: &str) -> Json {
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What an expression of the page is.
    #[track_caller]
    pub(super) fn value(&self, expression: &str) -> Json {
        self.run(&format!("return {expression};"))
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(super) fn wait(&self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        while self.value(&format!("Boolean({expression})")) != json!(true) {
            assert!(Instant::now() < until, "it never came to be: {expression}\n{}", self.text("body"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The text that an element shows.
    pub(super) fn text(&self, selector: &str) -> String {
        let text = self.value(&format!("document.querySelector({})?.innerText ?? ''", json!(selector)));
        text.as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn find(&self, selector: &str) -> String {
        self.wait(&format!("document.querySelector({})", json!(selector)));
        let found = self.ask("POST", "/element", &json!({ "using": "css selector", "value": selector }));
        found.as_object().unwrap().values().next().and_then(Json::as_str).unwrap().to_owned()
    }

    /// Clicks on an element, as somebody with a mouse does.
    #[track_caller]
    pub(super) fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.ask("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Types into an element.
    #[track_caller]
    pub(super) fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.ask("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// What the browser has complained about.
    pub(super) fn complaints(&self) -> Vec<String> {
        let lines = self.ask("POST", "/se/log", &json!({ "type": "browser" }));
        let lines = lines.as_array().unwrap().iter();
        lines.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.ask("DELETE", "", &json!({}));
        }
    }
}

fn capabilities(profile: &Path) -> Json {
    let profile = format!("--user-data-dir={}", profile.display());
    // Root has no sandbox, and a container little shared memory.
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1280,900",
        &profile,
    ];
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    } } })
}
