// The lines of all services, as they come, of which some are shown.

import { choice, el, say, search } from "/dom.js";
import { clock, count } from "/format.js";

export const title = "Log";

/// So many lines are kept, and shown at a time.
const KEPT = 10000;
const SHOWN = 500;
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"];

let context = null;
let parts = null;
let at = null;
let isFollowing = true;
// What came stays when another view is shown.
let kept = [];
let next = {};
let number = 0;

export function show(root, given, query) {
  context = given;
  at = { find: query.find ?? "", workflow: query.workflow ?? "", level: query.level ?? "", service: query.service ?? "" };
  isFollowing = true;
  parts = {
    lines: el("ol", { id: "lines" }),
    nothing: el("p", { class: "nothing" }),
    rest: el("span", { class: "rest" }),
    service: el("button", { hidden: true, title: "Show all services", onclick: () => change({ service: "" }) }),
    workflow: search("workflow id", at.workflow, (text) => change({ workflow: text.trim() })),
    path: el("button", { hidden: true, id: "path", onclick: () => context.go("path", { workflow: at.workflow }) }, "Path"),
  };
  parts.box = el("div", { class: "box fills log", tabindex: 0, "aria-label": "Lines", onscroll: scrolled }, parts.lines, parts.nothing);
  parts.workflow.id = "workflow";
  parts.workflow.className = "id";
  const levels = ["", ...LEVELS].map((level) => [level, level ? `${level} and above` : "any"]);
  root.append(
    el("div", { class: "tools" }, search("text", at.find, (text) => change({ find: text })), parts.workflow, parts.path,
      choice("level", levels, at.level, (level) => change({ level })), parts.service, parts.rest),
    parts.box);
  draw(true);
}

export async function tick() {
  const after = Object.entries(next).map(([up, number]) => `${up}:${number}`).join(",");
  const told = await context.get("/api/log", { after });
  next = told.next;
  for (const line of told.lines) kept.push({ ...line, number: number++ });
  if (kept.length > KEPT) kept = kept.slice(-KEPT);
  draw(false, told.lines.length > 0);
}

function change(changes) {
  at = { ...at, ...changes };
  context.note(at);
  parts.workflow.value = at.workflow;
  draw(true);
}

function isWanted(line) {
  if (at.service && line.id !== at.service) return false;
  if (at.level && LEVELS.indexOf(line.level) < LEVELS.indexOf(at.level)) return false;
  if (at.workflow && !isOf(line.workflow, at.workflow)) return false;
  return !at.find || `${line.service} ${line.text}`.toLowerCase().includes(at.find.toLowerCase());
}

/// Whether an id is the one that is looked for, or of a call within it.
export function isOf(id, workflow) {
  return typeof id === "string" && (id === workflow || id.startsWith(`${workflow}_`));
}

function draw(isOther, isMore = true) {
  if (!isOther && !isMore && parts.lines.childElementCount) return status();
  const wanted = kept.filter(isWanted);
  const shown = wanted.slice(-SHOWN);
  const last = isOther ? -1 : Number(parts.lines.lastElementChild?.dataset.number ?? -1);
  if (isOther) parts.lines.replaceChildren();
  parts.lines.append(...shown.filter((line) => line.number > last).map(row));
  while (parts.lines.childElementCount > SHOWN) parts.lines.firstElementChild.remove();
  parts.count = wanted.length;
  status();
  if (isFollowing) parts.box.scrollTop = parts.box.scrollHeight;
}

function status() {
  const hidden = parts.count > SHOWN ? `last ${count(SHOWN)} of ` : "";
  say(parts.rest, `${hidden}${count(parts.count)} lines${isFollowing ? "" : " · stopped: scroll down to follow"}`);
  parts.service.hidden = !at.service;
  parts.path.hidden = !at.workflow;
  say(parts.service, `${at.service.split("/").slice(1).join("/")} ✕`);
  const hasSystems = context.live().systems.length > 0;
  say(parts.nothing, kept.length ? "No line is like that." : hasSystems ? "No line has come." : "Lines are kept by `up`; services that run by themselves write theirs where they were told.");
  parts.nothing.hidden = parts.count > 0;
}

function row(line) {
  const id = line.workflow && el("button", { class: "link id", title: `Only ${line.workflow}`, "data-workflow": line.workflow, onclick: () => change({ workflow: line.workflow }) }, line.workflow);
  return el("li", { "data-number": line.number },
    el("span", { class: "faint" }, clock(line.time)), el("span", { class: line.level ?? "faint" }, line.level ?? (line.stream === "stdout" ? "out" : "")),
    el("span", { class: "who", title: line.service }, line.service), el("span", { class: "what" }, line.text), id || el("span"));
}

function scrolled() {
  const { scrollTop, scrollHeight, clientHeight } = parts.box;
  const isAtEnd = scrollHeight - scrollTop - clientHeight < 40;
  if (isAtEnd !== isFollowing) {
    isFollowing = isAtEnd;
    status();
  }
}
