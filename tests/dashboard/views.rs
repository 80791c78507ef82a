//! Every view in a real browser: what it shows is so.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::browser::Browser;
use super::http::get;
use super::looks::state_from_outside;
use super::place::{EVIL, HOSTILE, Place, service};
use crate::folder::LAUNCHER;
use crate::support::{Process, wait_until};

/// The cell of a column in the row of a service.
fn cell(name: &str, column: &str) -> String {
    format!(
        "[...document.querySelectorAll('#services tbody tr')].find((row) => row.cells[0].innerText === 'host/{name}')\
         ?.querySelector('[data-column={column}]').innerText"
    )
}

fn view(browser: &Browser, name: &str) {
    browser.click(&format!("nav a[data-view={name}]"));
    browser.wait(&format!("document.querySelector('main').dataset.view === '{name}'"));
}

fn graph_is_live(browser: &Browser) {
    browser.wait("document.querySelectorAll('.node').length === 6");
    browser
        .wait("[...document.querySelectorAll('.node')].every((node) => node.textContent.includes('ready'))");
    let edge = "document.querySelector('.edge[data-from=\"states.out.figures\"]')";
    browser.wait(&format!(
        "/figures [0-9.]+\\/s/.test({edge}.textContent) && {edge}.classList.contains('busy')"
    ));
    assert_eq!(browser.value("document.querySelectorAll('.edge').length"), 4);
    assert_eq!(browser.value("document.querySelectorAll('.edge.wrong').length"), 0);
    assert_eq!(browser.value("document.querySelectorAll('.waits').length"), 3);
    browser.click(".node[data-service=sensor]");
    browser.wait("document.querySelector('#details h2').textContent === 'host/sensor'");
    browser.wait("document.querySelector('#details [data-end=\"states.out.figures\"]')");
    assert_eq!(
        browser.value("document.querySelectorAll('#details [data-action]').length"),
        0,
        "it only shows"
    );
    browser.click("#details [aria-label=Close]");
    browser.wait("document.querySelector('#details').hidden");
}

fn table_is_live(browser: &Browser, address: &str) {
    view(browser, "table");
    browser.wait("document.querySelectorAll('#services tbody tr').length === 6");
    browser.wait(&format!("{} === '● ready' || {0} === 'ready'", cell("answers", "state")));
    let before = service(address, "answers");
    let pid = Pid::from_raw(i32::try_from(before["pid"].as_i64().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    browser.wait(&format!("{} === '1'", cell("answers", "restarts")));
    browser.wait(&format!("{}.includes('ready')", cell("answers", "state")));
    assert_ne!(service(address, "answers")["pid"], before["pid"]);
    browser.type_into("main input[type=search]", "SENS");
    browser.wait("document.querySelectorAll('#services tbody tr').length === 1");
    assert!(browser.text("#services tbody").starts_with("host/sensor"));
    browser.wait("location.hash === '#table?find=SENS'");
    view(browser, "table");
    browser.click("th[data-column=name] button");
    browser.wait("document.querySelector('#services tbody tr').cells[0].innerText === 'host/answers'");
    browser.click("th[data-column=name] button");
    browser.wait("document.querySelector('#services tbody tr').cells[0].innerText === 'host/view'");
}

fn states_are_what_others_see(browser: &Browser, place: &Place) {
    view(browser, "states");
    browser.click("li[data-state=figures] button");
    browser.wait("document.querySelectorAll('#holders thead th').length === 4");
    assert!(
        browser.text("#holders thead").contains("host/sensor owner"),
        "{}",
        browser.text("#holders thead")
    );
    let outside = state_from_outside(place, "sensor", "figures");
    for key in ["cores", "host"] {
        let expected = outside[key].as_str().map_or_else(|| outside[key].to_string(), str::to_owned);
        let cells = format!(
            "[...document.querySelectorAll('#holders tr[data-name={key}] td')].map((cell) => cell.innerText)"
        );
        browser.wait(&format!("{cells}.length === 4"));
        assert_eq!(browser.value(&cells), json!([key, expected, expected, expected]));
    }
    browser.type_into("main .column:last-child input[type=search]", "cores");
    browser.wait("document.querySelectorAll('#holders tbody tr').length === 1");
    view(browser, "states");
    browser.click("li[data-state=evil] button");
    browser.wait(&format!(
        "document.querySelector('#holders tr[data-name=html] .value')?.innerText === {}",
        json!(EVIL)
    ));
    browser.wait("document.querySelector('#holders tr[data-name=tree] details')");
}

/// Filters the log by a workflow id, and returns it.
fn log_is_filtered(browser: &Browser, place: &Place, address: &str) -> String {
    view(browser, "log");
    browser.wait(&format!(
        "[...document.querySelectorAll('#lines .what')].some((line) => line.innerText.startsWith({}))",
        json!(EVIL)
    ));
    // What comes before is in the log and has no path.
    wait_until("messages are listened to", || get(address, "/api/paths").json()["listening"] == 6);
    place.fail();
    browser.wait("document.querySelectorAll('#lines [data-workflow]').length > 0");
    let all = browser.value("document.querySelectorAll('#lines li').length").as_u64().unwrap();
    browser.click("#lines [data-workflow]");
    browser.wait(&format!("document.querySelectorAll('#lines li').length < {all}"));
    let workflow = browser.value("document.querySelector('#workflow').value").as_str().unwrap().to_owned();
    let ids = "[...document.querySelectorAll('#lines li')].map((line) => line.querySelector('[data-workflow]').dataset.workflow)";
    assert!(browser.value(ids).as_array().unwrap().iter().all(|id| *id == json!(workflow)), "{ids}");
    workflow
}

fn path_is_shown(browser: &Browser, place: &Place, failed: &str) {
    browser.click("#path");
    browser.wait("document.querySelector('main').dataset.view === 'path'");
    browser.wait("document.querySelectorAll('#spans li').length === 1");
    let only = browser.text("#spans li");
    assert!(only.contains("host/echo answers echo") && only.contains("handler_failed"), "{only}");
    assert!(browser.value("location.hash").as_str().unwrap().contains(failed));
    place.ask("from far away");
    browser.click("#paths li:has(strong) button[data-workflow]");
    let of_middle = "[...document.querySelectorAll('#paths button')].find((path) => path.innerText.includes('middle in.mid'))";
    browser.wait(of_middle);
    browser.run(&format!("{of_middle}.click()"));
    browser.wait("document.querySelectorAll('#spans li').length === 5");
    browser.wait("[...document.querySelectorAll('#spans .end')].every((end) => /\\d/.test(end.innerText))");
    let steps = browser.value("[...document.querySelectorAll('#spans .what')].map((step) => step.innerText)");
    let asks = ["host/middle asks echo", "host/echo answers echo"];
    assert_eq!(steps, json!(["host/middle answers mid", asks[0], asks[1], asks[0], asks[1]]));
}

#[test]
fn every_view_shows_what_is_so() {
    let Some(browser) = Browser::open() else { return };
    let place = Place::new();
    let (up, address) = place.up(&[]);
    browser.go(&format!("http://{address}/"));
    graph_is_live(&browser);
    table_is_live(&browser, &address);
    states_are_what_others_see(&browser, &place);
    let failed = log_is_filtered(&browser, &place, &address);
    path_is_shown(&browser, &place, &failed);
    browser.type_into("main", "2");
    browser.wait("document.querySelector('main').dataset.view === 'table'");

    assert_eq!(
        browser.value("document.querySelectorAll('img, main b').length"),
        0,
        "names and texts stay text"
    );
    assert!(!browser.value("document.title").as_str().unwrap().contains("owned"));
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    let refused = browser.run(
        "const request = new XMLHttpRequest(); request.open('POST', '/api/act', false); request.send('{}'); return request.status;",
    );
    assert_eq!(refused, 403, "it only shows");
    drop(up);
    browser.wait("!document.querySelector('#trouble').hidden");
}

/// Presses a button, which only asks, and at once again, which does it: the page forgets the first press after some seconds, so
/// nothing may come in between.
fn press_twice(browser: &Browser, action: &str, label: &str) {
    let seen = browser.run(&format!(
        "const button = document.querySelector('#details [data-action={action}]');
         const told = document.querySelector('#details .told');
         const seen = () => [button.textContent, told.textContent];
         const before = told.textContent;
         button.click();
         const asked = [...seen(), before];
         button.click();
         return [asked, seen()];"
    ));
    assert_eq!(seen[0][0], format!("{label}: sure?"));
    assert_eq!(seen[0][1], seen[0][2], "the first press only asks");
    assert_eq!(seen[1], json!([label, format!("{label} …")]));
}

#[test]
fn services_are_restarted_and_stopped_from_a_page_that_may() {
    let Some(browser) = Browser::open() else { return };
    let place = Place::new();
    let (_up, own) = place.up(&[]);
    let (_page, address) = place.dashboard(&["--allow_actions"]);
    let before = service(&own, "middle");
    browser.go(&format!("http://{address}/#table"));
    browser.wait("document.querySelectorAll('#services tbody tr').length === 6");
    browser.run("[...document.querySelectorAll('#services tbody tr')].find((row) => row.cells[0].innerText === 'host/middle').click()");
    browser.wait("document.querySelector('#details [data-action=restart]')");
    press_twice(&browser, "restart", "Restart");
    browser.wait("document.querySelector('#details .told').innerText === 'Restart: done'");
    wait_until("it is another process", || service(&own, "middle")["pid"] != before["pid"]);
    press_twice(&browser, "stop", "Stop");
    browser.wait(&format!("{}.includes('stopped')", cell("middle", "state")));
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn a_name_stays_text_whatever_it_is() {
    let Some(browser) = Browser::open() else { return };
    let place = Place::new();
    let model = json!({ "name": EVIL, "command": ["python3", "hostile.py", EVIL] });
    std::fs::write(place.folder.path("named.json"), model.to_string()).unwrap();
    let _service = Process::start(place.folder.command(LAUNCHER).args(["-s", "./named.json"]));
    let (_page, address) = place.dashboard(&[]);
    browser.go(&format!("http://{address}/#table"));
    browser.wait(&format!(
        "document.querySelector('#services tbody tr')?.cells[0].innerText === {}",
        json!(EVIL)
    ));
    browser.click("#services tbody tr");
    browser.wait(&format!("document.querySelector('#details h2').innerText === {}", json!(EVIL)));
    view(&browser, "graph");
    browser.wait("document.querySelector('.node text')?.textContent.startsWith('<img')");
    assert_eq!(browser.value("document.querySelectorAll('img, b').length"), 0);
    assert!(!browser.value("document.title").as_str().unwrap().contains("owned"));
}

/// The process of which the page shows the details.
const DETAILED: &str = "[...document.querySelectorAll('#details dt')].find((fact) => fact.innerText === 'process')?.nextElementSibling.innerText";

#[test]
fn services_of_one_name_stand_beside_each_other() {
    let Some(browser) = Browser::open() else { return };
    let place = Place::new();
    let model = json!({ "name": "twin", "command": ["python3", "hostile.py", "x"] });
    std::fs::write(place.folder.path("twin.json"), model.to_string()).unwrap();
    for name in ["north", "south"] {
        let system = json!({ "name": name, "services": { "twin": { "service": "./twin.json" } } });
        std::fs::write(place.folder.path(&format!("{name}.json")), system.to_string()).unwrap();
    }
    let start = |arguments: &[&str]| Process::start(place.folder.command(LAUNCHER).args(arguments));
    let _systems = [start(&["up", "north.json"]), start(&["up", "south.json"])];
    let alone = || start(&["-s", "./twin.json"]);
    let (first, _second) = (alone(), alone());
    let (_page, address) = place.dashboard(&[]);
    browser.go(&format!("http://{address}/"));
    for system in ["north", "south"] {
        browser.click(&format!("section[data-system={system}] .node[data-service=twin]"));
        browser.wait(&format!("document.querySelector('#details h2').textContent === '{system}/twin'"));
    }
    let are_apart = "(() => {
        const boxes = [...document.querySelectorAll('section[data-system=\"by themselves\"] .node rect')];
        return new Set(boxes.map((box) => `${box.getAttribute('x')} ${box.getAttribute('y')}`)).size === 2 && boxes.length === 2;
    })()";
    browser.wait(are_apart);
    drop(first);
    // Another one in its place is not the one that was there.
    let third = alone();
    let pid = third.pid().as_raw_nonzero();
    browser.wait(&format!("document.querySelector('.node[data-id=\"-/{pid}\"]')"));
    browser.wait(are_apart);
    browser.click(&format!(".node[data-id=\"-/{pid}\"]"));
    browser.wait(&format!("{DETAILED} === '{pid}'"));
}

#[test]
fn whole_numbers_keep_all_their_digits() {
    let Some(browser) = Browser::open() else { return };
    let place = Place::new();
    let large = ["9007199254740993", "18446744073709551615", "-9223372036854775808"];
    let told = format!(
        r#"{{"small": 9007199254740991, "large": {}, "in_list": [{}], "alike": {{"__int__": true, "as_str": "7"}}}}"#,
        large[0],
        large[1..].join(",")
    );
    let script = HOSTILE.replace(r#"{"html": evil, "tree": {evil: [evil]}}"#, "json.loads(evil)");
    std::fs::write(place.folder.path("teller.py"), script).unwrap();
    let state = json!({
        "state_type": "full_update",
        "required_arguments": { "small": "int", "large": "int", "in_list": "any", "alike": "any" },
    });
    let model = json!({
        "name": "teller", "command": ["python3", "teller.py", told], "state_models": { "out": { "evil": state } },
    });
    let system = json!({
        "name": "tells", "services": { "teller": { "service": "./teller.json" } }, "addresses": { "teller.evil": "free" },
    });
    for (name, content) in [("teller.json", model), ("tells.json", system)] {
        std::fs::write(place.folder.path(name), content.to_string()).unwrap();
    }
    let mut up =
        Process::start(place.folder.command(LAUNCHER).args(["up", "tells.json", "--dashboard=127.0.0.1:0"]));
    let address = super::place::address(&up.wait_for("dashboard at "));
    browser.go(&format!("http://{address}/#states"));
    let shown =
        |name: &str| format!("document.querySelector('#holders tr[data-name={name}] .value')?.innerText");
    browser.wait(&format!("{} === '9007199254740991'", shown("small")));
    browser.wait(&format!("{} === '{}'", shown("large"), large[0]));
    browser.wait(&format!("{}.includes('2: {}, {}')", shown("in_list"), large[1], large[2]));
    // A map that only looks like such a number is shown as the map that it is.
    browser.wait(&format!("{}.includes('__map__')", shown("alike")));
}
