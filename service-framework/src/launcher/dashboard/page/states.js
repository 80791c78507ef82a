// Replicated states: what the owner has and what each replica has, side by side.

import { el, keep, mark, say, search } from "/dom.js";
import { count, digits, mood, span } from "/format.js";

export const title = "States";

const PAGE = 100;
const LISTED = 200;
const COLUMNS = 4;

let context = null;
let parts = null;
let at = null;
let groups = [];
let held = new Map();

export function show(root, given, query) {
  context = given;
  at = { key: query.state ?? "", find: query.find ?? "", among: "", from: 0 };
  held = new Map();
  parts = {
    list: el("ul", { class: "choices" }),
    heads: el("tr"), body: el("tbody"), nothing: el("p", { class: "nothing" }),
    rest: el("span", { class: "rest" }),
    back: el("button", { hidden: true, onclick: () => turn(-PAGE) }, "‹ back"),
    on: el("button", { hidden: true, onclick: () => turn(PAGE) }, "more ›"),
  };
  const looked = search("key or value", at.find, (text) => {
    at = { ...at, find: text, from: 0 };
    renew();
  });
  root.append(el("div", { class: "halves" },
    el("div", { class: "column" }, search("state", "", (text) => { at.among = text.toLowerCase(); list(); }), el("div", { class: "box fills" }, parts.list)),
    el("div", { class: "column" }, el("div", { class: "tools" }, looked, parts.rest, parts.back, parts.on),
      el("div", { class: "box fills" }, el("table", { class: "holders", id: "holders" }, el("thead", {}, parts.heads), parts.body), parts.nothing))));
}

export async function tick() {
  groups = await context.get("/api/states");
  list();
  const group = chosen();
  if (group) await fill(group);
  else {
    parts.heads.replaceChildren();
    parts.body.replaceChildren();
    say(parts.nothing, groups.length ? "Choose a state." : "No service that runs has a state.");
    parts.nothing.hidden = false;
  }
}

function chosen() {
  return groups.find((group) => group.key === at.key) ?? (at.key ? undefined : groups[0]);
}

function list() {
  const shown = groups.filter((group) => `${group.system} ${group.name}`.toLowerCase().includes(at.among)).slice(0, LISTED);
  keep(parts.list, shown, (group) => group.key, (group) => el("li", { "data-state": group.name },
    el("button", { class: "plain", onclick: () => choose(group.key) }, el("strong"), el("br"), el("span", { class: "faint" }))), (item, group) => {
    const button = item.firstChild;
    mark(button, "aria-pressed", group.key === chosen()?.key ? "true" : "false");
    say(button.firstChild, group.name);
    const lags = group.replicas.map((replica) => replica.lag ?? 0);
    const behind = group.replicas.filter((replica) => replica.status !== "current" || replica.other_life).length;
    say(button.lastChild, [group.system, `${count(group.replicas.length)} replica${group.replicas.length === 1 ? "" : "s"}`,
      behind ? `${count(behind)} not current` : "", Math.max(0, ...lags) ? `lag ${count(Math.max(...lags))}` : ""].filter(Boolean).join(" · "));
    mark(button.lastChild, "class", behind ? "warn" : "faint");
  });
}

function choose(key) {
  at = { ...at, key, from: 0 };
  renew();
}

function turn(by) {
  at.from = Math.max(0, at.from + by);
  renew();
}

/// Forgets what was shown, and asks at once.
function renew() {
  held = new Map();
  context.note({ state: at.key, find: at.find });
  tick().catch((error) => say(parts.rest, error.message));
}

const keyOf = (holder) => `${holder.id} ${holder.side} ${holder.name} ${holder.topic ?? ""}`;

const isKnown = (part) => part !== null && part !== undefined;

/// The update of which a value is: its life of the owner and its number, which begins anew in each life. None if one is not known.
function updateOf(told) {
  return told && isKnown(told.epoch) && isKnown(told.number) ? `${digits(told.epoch)}:${digits(told.number)}` : null;
}

/// Asks every holder what it has; one that has nothing new only says so.
async function fill(group) {
  const wanted = at;
  const all = [...group.owners, ...group.replicas];
  const shown = all.slice(0, COLUMNS);
  await Promise.all(shown.map(async (holder) => {
    const known = held.get(keyOf(holder));
    const query = { id: holder.id, side: holder.side, name: holder.name, find: at.find, from: at.from, most: PAGE };
    if (holder.topic) query.topic = holder.topic;
    const update = updateOf(known);
    if (update) query.unless = update;
    try {
      const told = await context.get("/api/state", query);
      if (wanted === at) held.set(keyOf(holder), told.rows ? told : { ...known, ...told });
    } catch (error) {
      if (wanted === at) held.set(keyOf(holder), { rows: [], error: error.message });
    }
  }));
  if (wanted === at) draw(group, shown, all.length - shown.length);
}

function draw(group, holders, others) {
  const told = holders.map((holder) => held.get(keyOf(holder)) ?? { rows: [] });
  const heads = [el("th", { scope: "col" }, el("strong", {}, "key")), ...holders.map((holder, place) => head(holder, told[place]))];
  parts.heads.replaceChildren(...heads);
  const rows = new Map();
  told.forEach(({ rows: own }, place) => own.forEach((row) => {
    const key = JSON.stringify(row.key);
    if (!rows.has(key)) rows.set(key, { key: row.key, cells: new Array(holders.length) });
    rows.get(key).cells[place] = row;
  }));
  const hasOwner = group.owners.length > 0;
  keep(parts.body, rows.entries(), ([key]) => key, ([, row]) => el("tr", { "data-name": typeof row.key === "string" ? row.key : JSON.stringify(row.key) },
    el("td", { class: "key" }, plain(row.key)), holders.map(() => el("td", { class: "value" }))), (line, [, row]) => {
    holders.forEach((_, place) => paint(line.children[place + 1], row.cells[place], hasOwner && place > 0 ? row.cells[0] : null));
  });
  const found = Math.max(0, ...told.map((state) => state.found ?? 0));
  parts.back.hidden = at.from === 0;
  parts.on.hidden = at.from + PAGE >= found;
  const range = found > PAGE ? `${count(at.from + 1)} to ${count(Math.min(at.from + PAGE, found))} of ${count(found)} keys` : `${count(found)} key${found === 1 ? "" : "s"}`;
  say(parts.rest, others > 0 ? `${range}, and ${count(others)} more replicas` : range);
  say(parts.nothing, at.find ? "Nothing is found." : "It is empty.");
  parts.nothing.hidden = rows.size > 0;
}

function head(holder, told) {
  const status = told.status ?? holder.status;
  const number = told.number ?? holder.number;
  const facts = [
    isKnown(number) ? `number ${count(number)}` : "",
    typeof holder.keys === "number" ? `${count(told.keys ?? holder.keys)} keys` : "",
    isKnown(holder.lag) ? `lag ${count(holder.lag)}` : "",
    holder.other_life ? "of another life of its owner" : "",
    told.stale_for ? `for ${span(told.stale_for)}` : "",
  ].filter(Boolean).join(" · ");
  return el("th", { scope: "col", "data-side": holder.side },
    el("strong", {}, holder.service, " ", el("span", { class: "faint" }, holder.side === "out" ? "owner" : "replica")),
    el("span", { class: mood(status) }, told.error ?? status), facts ? el("span", { class: "faint" }, ` · ${facts}`) : null);
}

function paint(cell, row, owners) {
  const text = row ? JSON.stringify(row.value ?? { bytes: row.bytes }) : "";
  mark(cell, "class", owners !== null && text !== (owners ? JSON.stringify(owners.value ?? { bytes: owners.bytes }) : "") ? "value differs" : "value");
  if (cell.dataset.text === text) return;
  // Branches that somebody has opened stay open.
  const open = new Set([...cell.querySelectorAll("details")].filter((branch) => branch.open).map((branch) => branch.dataset.path));
  const isFirst = cell.dataset.text === undefined;
  cell.dataset.text = text;
  if (!row) return cell.replaceChildren();
  if (row.bytes !== undefined && row.value === undefined) return cell.replaceChildren(el("span", { class: "faint" }, `${count(row.bytes)} bytes, too long to show`));
  cell.replaceChildren(tree(row.value, "", (path) => (isFirst ? path === "" : open.has(path))));
}

/// What the tagged form of a value says, such as a Decimal.
function tagged(value) {
  const names = value && typeof value === "object" && !Array.isArray(value) ? Object.keys(value) : [];
  const tag = names.length === 2 && names.find((name) => /^__.+__$/.test(name) && value[name] === true);
  if (!tag) return null;
  const content = value[names.find((name) => name !== tag)];
  // A whole number is no less one because a float does not hold it.
  const kind = tag === "__int__" ? "" : tag.replaceAll("_", "");
  return typeof content === "string" ? { kind, text: content } : null;
}

function plain(value) {
  const tag = tagged(value);
  if (tag) return tag.text;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/// A value as a tree; of what has many parts only the first ones.
function tree(value, path, isOpen) {
  const tag = tagged(value);
  if (tag) return el("span", {}, tag.text, tag.kind && [" ", el("span", { class: "kind" }, tag.kind)]);
  if (value === null || typeof value !== "object") return el("span", {}, plain(value));
  const entries = Object.entries(value);
  if (!entries.length) return el("span", {}, Array.isArray(value) ? "[]" : "{}");
  const content = el("ul");
  const branch = el("details", { "data-path": path }, el("summary", {}, glance(value, entries)), content);
  const grow = () => {
    if (content.childElementCount) return;
    content.append(...entries.slice(0, PAGE).map(([name, part]) => el("li", {}, el("span", { class: "name" }, `${name}:`), tree(part, `${path}/${name}`, isOpen))));
    if (entries.length > PAGE) content.append(el("li", { class: "faint" }, `and ${count(entries.length - PAGE)} more`));
  };
  branch.addEventListener("toggle", () => branch.open && grow());
  if (isOpen(path)) {
    branch.open = true;
    grow();
  }
  return branch;
}

/// The first of what is in a value, in one line.
function glance(value, entries) {
  const first = entries.slice(0, 4).map(([name, part]) => {
    const text = part !== null && typeof part === "object" && !tagged(part) ? "…" : plain(part);
    return Array.isArray(value) ? text : `${name} ${text}`;
  }).join(", ");
  if (Array.isArray(value) && value.some((part) => part !== null && typeof part === "object" && !tagged(part))) return `list of ${count(entries.length)}`;
  const shown = first.length > 48 ? `${first.slice(0, 47)}…` : first;
  return Array.isArray(value) ? `${count(entries.length)}: ${shown}` : shown + (entries.length > 4 ? ", …" : "");
}
