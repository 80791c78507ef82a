// The path of one request over all services, as a waterfall.

import { choice, el, keep, mark, say, search } from "/dom.js";
import { count, took } from "/format.js";

export const title = "Path";

let context = null;
let parts = null;
let at = null;

export function show(root, given, query) {
  context = given;
  at = { workflow: query.workflow ?? "", find: "", only: "", isStopped: false };
  parts = {
    list: el("ul", { class: "choices", id: "paths" }),
    none: el("p", { class: "nothing" }),
    rest: el("span", { class: "rest" }),
    facts: el("span", { class: "faint" }),
    log: el("button", { hidden: true, onclick: () => context.go("log", { workflow: at.workflow }) }, "Log"),
    rows: el("ol", { id: "spans" }),
    nothing: el("p", { class: "nothing" }),
    workflow: search("workflow id", at.workflow, (text) => choose(text.trim())),
  };
  parts.workflow.className = "id";
  const hold = el("label", {}, el("input", { type: "checkbox", onchange: (event) => { at.isStopped = event.target.checked; } }), "hold the list");
  root.append(el("div", { class: "halves" },
    el("div", { class: "column" },
      el("div", { class: "tools" }, search("service or connection", "", (text) => { at.find = text; tick(true).catch(trouble); }),
        choice("show", [["", "requests and messages"], ["errors", "with errors"], ["all", "states too"]], "", (only) => { at.only = only; tick(true).catch(trouble); }), hold),
      el("div", { class: "box fills" }, parts.list, parts.none), parts.rest),
    el("div", { class: "column" }, el("div", { class: "tools" }, parts.workflow, parts.log, parts.facts),
      el("div", { class: "box fills waterfall" }, parts.rows, parts.nothing))));
}

function trouble(error) {
  say(parts.facts, error.message);
}

export async function tick(isOther) {
  const wanted = at;
  if (!at.isStopped || isOther === true) {
    const told = await context.get("/api/paths", { find: at.find, only: at.only });
    if (wanted === at) list(told);
  }
  if (!at.workflow) {
    parts.rows.replaceChildren();
    say(parts.nothing, "Choose a request, or look for its workflow id.");
    parts.nothing.hidden = false;
    return;
  }
  const workflow = at.workflow;
  const path = await context.get("/api/path", { workflow });
  if (wanted === at && workflow === at.workflow) draw(path);
}

function list(told) {
  keep(parts.list, told.paths, (path) => path.workflow, make, (item, path) => {
    const button = item.firstChild;
    mark(button, "aria-pressed", path.workflow === at.workflow ? "true" : "false");
    say(button.children[0], `${path.service} ${path.connection}`);
    mark(button, "title", path.workflow);
    say(button.children[2], [took(path.took / 1e6), `${count(path.messages)} messages`, `${count(path.services)} service${path.services === 1 ? "" : "s"}`].join(" · "));
    say(button.children[3], path.wrong ? ` · ${path.wrong}` : "");
  });
  say(parts.none, told.listening ? "No request and no published message was seen yet." : "Nobody is listened to yet.");
  parts.none.hidden = told.paths.length > 0;
  say(parts.rest, [`${count(told.messages)} messages of ${count(told.listening)} services`,
    told.dropped ? `${count(told.dropped)} more came too fast` : "", told.left_out ? `${count(told.left_out)} services are left out` : ""].filter(Boolean).join(" · "));
}

function make(path) {
  return el("li", {}, el("button", { class: "plain", "data-workflow": path.workflow, onclick: () => choose(path.workflow) },
    el("strong"), el("br"), el("span", { class: "faint" }), el("span", { class: "bad" })));
}

function choose(workflow) {
  at = { ...at, workflow };
  parts.workflow.value = workflow;
  context.note({ workflow });
  tick(true).catch(trouble);
}

function draw(path) {
  const whole = Math.max(path.took, 1);
  parts.log.hidden = false;
  parts.nothing.hidden = path.spans.length > 0;
  say(parts.nothing, "Nothing was seen of it. Messages are seen from when this view or the log was opened, and the latest ones are kept.");
  say(parts.facts, path.spans.length ? `${moment(path.began)}, ${took(path.took / 1e6)}${path.is_cut ? `, the first ${count(path.spans.length)} steps` : ""}` : "");
  keep(parts.rows, path.spans.map((span, place) => ({ ...span, place })), (span) => span.place, row, (line, span) => paint(line, span, whole));
}

function row() {
  return el("li", {}, el("span", { class: "what" }, el("button", { class: "link" }), el("span", { class: "does" }), el("span", { class: "on" })),
    el("span", { class: "times" }), el("span", { class: "bar" }, el("span")), el("span", { class: "end" }));
}

function paint(line, span, whole) {
  const [what, times, bar, end] = line.children;
  const isWrong = span.outcome && span.outcome !== "ok";
  what.style.paddingLeft = `${Math.min(span.depth, 20) * 14}px`;
  what.firstChild.onclick = () => context.details(span.id);
  say(what.firstChild, span.service);
  say(what.children[1], ` ${span.does} `);
  const name = span.connection.replace(/^(states\.)?(in|out)\./, "");
  // The topic of a state is a part of its name.
  say(what.children[2], span.topic && !span.connection.startsWith("states.") ? `${name} (${span.topic})` : name);
  mark(line, "title", [span.connection, `workflow id ${span.workflow}`, span.peer ? `other end ${span.peer}` : "", `${count(span.size)} bytes`].filter(Boolean).join("\n"));
  const length = span.took === null ? "goes on" : span.took === 0 ? "" : took(span.took / 1e6);
  say(times, `+${took(span.start / 1e6)}`);
  const inner = bar.firstChild;
  const lasts = span.took === null ? whole - span.start : span.took;
  inner.style.marginLeft = `${Math.min((span.start / whole) * 100, 99.5)}%`;
  inner.style.width = `${Math.max((Math.max(lasts, 0) / whole) * 100, 0.5)}%`;
  mark(inner, "class", isWrong ? "wrong" : span.took === null ? "open" : /^(asks|publishes|updates)/.test(span.does) ? "sends" : "takes");
  say(end, [length, isWrong ? span.outcome : ""].filter(Boolean).join(" "));
  mark(end, "class", isWrong ? "end bad" : "end");
}

function moment(micros) {
  const time = new Date(micros / 1000);
  return `${time.toLocaleTimeString("en-GB")}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
