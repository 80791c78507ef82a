// All services as a table: sorted, filtered, a page at a time.

import { choice, el, keep, mark, say, search } from "/dom.js";
import { bytes, count, mood, percent, rate, span, standing, took } from "/format.js";

export const title = "Table";

const PAGE = 100;
const COLUMNS = [
  ["name", "name", (service) => service.name],
  ["state", "state", (service) => service.state],
  ["restarts", "restarts", (service) => count(service.restarts), true],
  ["uptime", "up for", (service) => span(service.uptime), true],
  ["cpu", "cpu", (service) => percent(service.cpu), true],
  ["memory", "memory", (service) => bytes(service.memory), true],
  ["in", "in/s", (service) => rate(service.in), true],
  ["out", "out/s", (service) => rate(service.out), true],
  ["p99", "p99", (service) => took(service.p99), true],
  ["errors", "errors", (service) => count(service.errors), true],
];

let parts = null;
let at = { find: "", state: "", sort: "", down: false, page: 0 };
let context = null;

export function show(root, given, query) {
  context = given;
  at = { find: query.find ?? "", state: query.state ?? "", sort: query.sort ?? "", down: query.down === "1", page: 0 };
  const heads = COLUMNS.map(([key, label, , isNumber]) =>
    el("th", { scope: "col", class: isNumber && "number", "data-column": key },
      el("button", { class: "plain", onclick: () => sort(key) }, label)));
  parts = {
    body: el("tbody"),
    heads,
    rest: el("span", { class: "rest" }),
    back: el("button", { onclick: () => turn(-1) }, "‹ back"),
    on: el("button", { onclick: () => turn(1) }, "more ›"),
    nothing: el("p", { class: "nothing" }),
  };
  const states = ["", "ready", "starting", "waiting", "blocked", "backing off", "failed", "stopped", "silent"];
  root.append(
    el("div", { class: "tools" },
      search("name or service", at.find, (text) => change({ find: text })),
      choice("state", states.map((state) => [state, state || "any"]), at.state, (state) => change({ state })),
      parts.rest, parts.back, parts.on),
    el("div", { class: "box fills" },
      el("table", { id: "services", onkeydown: move }, el("thead", {}, el("tr", {}, heads)), parts.body),
      parts.nothing),
  );
  draw();
}

export async function tick() {
  draw();
}

function change(changes) {
  at = { ...at, page: 0, ...changes };
  context.note({ find: at.find, state: at.state, sort: at.sort, down: at.down ? "1" : "" });
  draw();
}

function sort(key) {
  // The third time it is the order of the systems again.
  if (at.sort !== key) change({ sort: key, down: false });
  else if (!at.down) change({ down: true });
  else change({ sort: "", down: false });
}

function turn(by) {
  at.page += by;
  draw();
}

function compare(one, other) {
  if (one === other) return 0;
  if (one === null || one === undefined) return 1;
  if (other === null || other === undefined) return -1;
  return typeof one === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true });
}

function wanted() {
  const find = at.find.toLowerCase();
  const shown = context.live().services.filter((service) =>
    (!at.state || service.state === at.state) &&
    (!find || `${service.name} ${service.service ?? ""}`.toLowerCase().includes(find)));
  if (at.sort) shown.sort((one, other) => compare(one[at.sort], other[at.sort]) * (at.down ? -1 : 1));
  return shown;
}

function draw() {
  const all = wanted();
  const pages = Math.max(1, Math.ceil(all.length / PAGE));
  at.page = Math.min(Math.max(at.page, 0), pages - 1);
  const first = at.page * PAGE;
  keep(parts.body, all.slice(first, first + PAGE), (service) => service.id, make, update);
  for (const head of parts.heads) {
    mark(head, "aria-sort", head.dataset.column === at.sort && (at.down ? "descending" : "ascending"));
  }
  parts.back.hidden = parts.on.hidden = pages === 1;
  parts.back.disabled = at.page === 0;
  parts.on.disabled = at.page === pages - 1;
  const last = Math.min(first + PAGE, all.length);
  say(parts.rest, pages === 1 ? `${count(all.length)} services` : `${count(first + 1)} to ${count(last)} of ${count(all.length)}`);
  say(parts.nothing, all.length ? "" : context.live().services.length ? "No service is like that." : "Nothing runs.");
  parts.nothing.hidden = all.length > 0;
}

function make(service) {
  const cells = COLUMNS.map(([key, , , isNumber]) => el("td", { class: isNumber && "number", "data-column": key }));
  cells[1].append(el("span", { class: "state" }), el("span", { class: "more" }));
  const open = () => context.details(service.id);
  return el("tr", { tabindex: 0, onclick: open, onkeydown: (event) => event.key === "Enter" && open() }, cells);
}

function update(row, service) {
  COLUMNS.forEach(([key, , shown], place) => {
    const cell = row.children[place];
    if (key !== "state") return say(cell, shown(service));
    const { word, more } = standing(service);
    say(cell.firstChild, word);
    mark(cell.firstChild, "class", `state ${mood(word)}`);
    say(cell.lastChild, more);
  });
  mark(row.lastElementChild, "class", service.errors > 0 ? "number bad" : "number");
}

/// Arrows go from row to row.
function move(event) {
  const row = event.target.closest("tbody tr");
  const next = event.key === "ArrowDown" ? row?.nextElementSibling : event.key === "ArrowUp" ? row?.previousElementSibling : null;
  if (next) {
    event.preventDefault();
    next.focus();
  }
}
