// One service: its connections, its states, and what may be done with it.

import { choice, el, say } from "/dom.js";
import { bytes, count, mood, percent, rate, span, standing, took } from "/format.js";

let shown = null;

/// Shows a service beside the view; null hides it.
export function details(root, context, id) {
  if (!id) {
    shown = null;
    root.hidden = true;
    return;
  }
  shown = { id, root, facts: el("div"), told: el("p", { class: "told", role: "status" }), name: el("h2") };
  const close = el("button", { "aria-label": "Close", title: "Escape", onclick: () => details(root, context, null) }, "✕");
  const lines = el("button", { onclick: () => context.go("log", { service: id }) }, "Log");
  const tools = el("div", { class: "actions" }, lines, context.about().actions ? actions(context, id) : []);
  root.replaceChildren(el("div", { class: "head" }, shown.name, close), tools, shown.told, shown.facts);
  root.hidden = false;
  tick(context);
}

export async function tick(context) {
  const now = shown;
  if (!now) return;
  try {
    const service = await context.get("/api/service", { id: now.id });
    if (now === shown) draw(now, service);
  } catch (error) {
    say(now.told, error.message);
  }
}

function actions(context, id) {
  const button = (label, what, isRisky) =>
    el("button", { class: isRisky && "risky", "data-action": what, onclick: (event) => confirmed(event.target, label, () => run(context, { what, id }, label)) }, label);
  const levels = ["", "DEBUG", "INFO", "WARNING", "ERROR", "OFF"].map((level) => [level, level || "as it is"]);
  const level = choice("level", levels, "", (level) => level && run(context, { what: "log_level", id, level }, `level ${level}`));
  const isOfSystem = !id.startsWith("-/");
  return [isOfSystem ? button("Restart", "restart", false) : null, button("Stop", "stop", true), level];
}

/// The first press asks, the second one does it.
function confirmed(button, label, act) {
  if (button.dataset.asked) {
    clearTimeout(Number(button.dataset.asked));
    delete button.dataset.asked;
    say(button, label);
    act();
    return;
  }
  say(button, `${label}: sure?`);
  button.dataset.asked = setTimeout(() => {
    delete button.dataset.asked;
    say(button, label);
  }, 4000);
}

async function run(context, action, label) {
  const { told } = shown;
  say(told, `${label} …`);
  try {
    await context.act(action);
    say(told, `${label}: done`);
  } catch (error) {
    say(told, `${label}: ${error.message}`);
  }
}

function draw({ name, facts }, service) {
  say(name, service.name);
  const { word, more } = standing(service);
  const fact = (label, value) => (value === "" || value === null || value === undefined ? [] : [el("dt", {}, label), el("dd", {}, value)]);
  const errors = (counts) => ["dropped", "missed", "bad", "failed"].filter((kind) => counts[kind] > 0)
    .map((kind) => `${count(counts[kind])} ${kind}`).join(", ");
  const connections = Object.entries(service.connections ?? {}).map(([end, counts]) =>
    el("tr", { "data-end": end }, el("td", {}, end), number(rate(counts.in)), number(rate(counts.out)), number(took(counts.p99)),
      el("td", { class: "bad" }, errors(counts))));
  const states = (service.states ?? []).map((state) =>
    el("tr", {}, el("td", {}, `${state.side}.${state.name}${state.topic ? ` (${state.topic})` : ""}`),
      el("td", { class: mood(state.status) }, state.status), number(count(state.number)), number(count(state.keys))));
  facts.replaceChildren(
    el("dl", {},
      fact("state", el("span", {}, el("span", { class: `state ${mood(word)}` }, word), el("span", { class: "more" }, more))),
      fact("service", service.service), fact("process", service.pid && String(service.pid)), fact("up for", span(service.uptime)),
      fact("restarts", count(service.restarts)), fact("cpu", percent(service.cpu)), fact("memory", bytes(service.memory))),
    ...section("Connections", ["", "in/s", "out/s", "p99", ""], connections),
    ...section("States", ["", "status", "number", "keys"], states),
  );
}

function number(text) {
  return el("td", { class: "number" }, text);
}

function section(title, heads, rows) {
  if (!rows.length) return [];
  const head = heads.map((label, place) => el("th", { scope: "col", class: place > 0 && label !== "status" && "number" }, label));
  return [el("h3", {}, title), el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows))];
}
