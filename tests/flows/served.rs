//! `flow serve`: whole, split over three processes, stopped and killed.

use rustix::process::Signal;

use super::jobs::Jobs;
use super::support::{does, part, serve, shown, status, until, with};
use crate::folder::json;
use crate::support::{free_address, wait_for_listener};

const JOB: &str = "
from flow.http import callback, request

def main(path):
    cb = callback.new()
    made = request.new('POST', 'http://jobs.local' + path, json={'callback': cb.url}).execute()
    made.raise_for_status()
    done = await cb.event
    return [made.json()['job_id'], done['attempt']]
";

#[test]
fn a_job_that_calls_back_is_done_in_one_process() {
    let (folder, jobs) = (with(JOB), Jobs::start());
    let flags = format!("--resolve jobs.local={}", jobs.address);
    let mut served = serve(&folder, &flags);
    does(&folder, "flow start job.py --id once --arg path=/job");
    does(&folder, "flow start job.py --id twice --arg path=/job/twice");
    for id in ["once", "twice"] {
        assert_eq!(
            json(&does(&folder, &format!("flow run --id {id}")).stdout),
            serde_json::json!(["j-1", 1])
        );
    }
    let keys: Vec<_> = jobs.seen().into_iter().map(|(_, key)| key.unwrap()).collect();
    assert_eq!((keys.len(), keys[0] == keys[1]), (2, false));
    does(&folder, "flow start job.py --id lost --arg path=/nowhere");
    until(&folder, "lost", "failed");
    assert!(shown(&folder, "lost")["error"]["message"].as_str().unwrap().contains("404"));
    served.signal(Signal::TERM);
    served.wait_for("stopping");
    assert_eq!(served.finish().code, Some(0));
}

#[test]
fn the_parts_may_be_processes_of_their_own() {
    let (folder, jobs, address) = (with(JOB), Jobs::start(), free_address());
    let start = |flags: &str| part(&folder, flags);
    let _interpreter = start(&format!("--only interpreter --listen {address}"));
    let _requests = start(&format!("--only requests --resolve jobs.local={}", jobs.address));
    does(&folder, "flow start job.py --id early --arg path=/job/other");
    until(&folder, "early", "failed");
    let _callbacks = start(&format!("--only callbacks --listen {address}"));
    wait_for_listener(&address);
    does(&folder, "flow start job.py --id split --arg path=/job/twice");
    assert_eq!(json(&does(&folder, "flow run --id split").stdout), serde_json::json!(["j-1", 1]));
    assert_eq!(jobs.seen().len(), 2);
}

#[test]
fn whoever_runs_a_flow_takes_over_when_nobody_serves_any_more() {
    let folder = with("from flow.events import signal\n\ndef main():\n    return await signal('go')\n");
    let mut served = serve(&folder, "");
    let mut run = super::support::follow(&folder, "job.py --id t");
    run.wait_for("waits for message go");
    served.end_by(Signal::KILL);
    run.wait_for("does not serve this store any more");
    does(&folder, "flow signal t go 5");
    let ended = run.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.text());
}

#[test]
fn what_runs_when_a_process_stops_is_handed_over() {
    let (folder, jobs) = (with(JOB), Jobs::start());
    let flags = format!("--resolve jobs.local={}", jobs.address);
    let first = serve(&folder, &flags);
    does(&folder, "flow start job.py --id h --arg path=/job");
    until(&folder, "h", "done");
    assert_eq!(first.finish_by(Signal::TERM).code, Some(0));
    does(&folder, "flow start job.py --id i --arg path=/job");
    assert_eq!(status(&folder, "i"), "ready");
    let _second = serve(&folder, &flags);
    until(&folder, "i", "done");
}
