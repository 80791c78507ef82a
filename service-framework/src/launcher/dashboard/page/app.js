// The page: which view is shown, and what is asked of the server once a second while somebody looks.

import { details, tick as tickDetails } from "/details.js";
import { el, mark, say } from "/dom.js";
import { count } from "/format.js";
import * as graph from "/graph.js";
import * as log from "/log.js";
import * as path from "/path.js";
import * as states from "/states.js";
import * as table from "/table.js";

const TICK = 1000;
const PATIENCE = 15000;
const VIEWS = { graph, table, states, log, path };

const find = (id) => document.getElementById(id);
const page = { about: { actions: false }, live: { systems: [], services: [] }, view: null, name: "" };

/// Asks the server; an error has its words.
async function get(path, query) {
  const url = query ? `${path}?${new URLSearchParams(query)}` : path;
  return read(await fetch(url, { signal: AbortSignal.timeout(PATIENCE), credentials: "same-origin" }));
}

async function read(answer) {
  const body = await answer.json();
  if (body.error) throw new Error(body.error.message);
  return body;
}

/// Has something done; only where the page may.
async function act(action) {
  return read(await fetch("/api/act", {
    method: "POST",
    body: JSON.stringify(action),
    headers: { "content-type": "application/json", "x-dashboard-secret": page.about.secret ?? "" },
  }));
}

/// Where the page is: the view, and what it is about.
function place() {
  const [name, query] = location.hash.slice(1).split("?");
  return { name: name in VIEWS ? name : "graph", query: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

/// Goes to a view, with what it is to show.
function go(name, query) {
  const text = query ? `?${new URLSearchParams(query)}` : "";
  const hash = `#${name}${text}`;
  if (location.hash === hash) show();
  else location.hash = hash;
}

/// Says in the URL what a view shows, so that it can be loaded again.
function note(query) {
  const kept = Object.entries(query).filter(([, value]) => value);
  const text = kept.length ? `?${new URLSearchParams(kept)}` : "";
  history.replaceState(null, "", `#${page.name}${text}`);
}

const context = {
  get, act, go, note,
  details: (id) => details(find("details"), context, id),
  about: () => page.about,
  live: () => page.live,
};

function show() {
  const { name, query } = place();
  page.name = name;
  for (const link of find("views").children) mark(link, "aria-current", link.dataset.view === name && "page");
  document.title = `${VIEWS[name].title} · ${heading()}`;
  const root = find("view");
  root.replaceChildren();
  page.view = VIEWS[name];
  page.view.show(root, context, query);
  root.dataset.view = name;
  turn();
}

function heading() {
  return page.live.systems.map((system) => system.name).slice(0, 3).join(", ") || "Services";
}

function summary() {
  const services = page.live.services;
  const ready = services.filter((service) => service.state === "ready").length;
  const may = page.about.actions ? "" : " · read-only";
  say(find("title"), heading());
  say(find("summary"), `${count(ready)} of ${count(services.length)} ready${may}`);
}

let isAsking = false;

async function turn() {
  if (isAsking || document.hidden) return;
  isAsking = true;
  const view = page.view;
  try {
    page.live = await get("/api/live");
    summary();
    await view.tick(context);
    await tickDetails(context);
    say(find("trouble"), "");
  } catch (error) {
    say(find("trouble"), `Nothing new comes: ${error.message}. It goes on as soon as the server answers.`);
  }
  find("trouble").hidden = !find("trouble").textContent;
  isAsking = false;
  // Another view was chosen meanwhile.
  if (view !== page.view) turn();
}

async function start() {
  const links = Object.entries(VIEWS).map(([name, view], place) =>
    el("a", { href: `#${name}`, "data-view": name, title: `Key ${place + 1}` }, view.title));
  find("views").append(...links);
  try {
    page.about = await get("/api/about");
  } catch (error) {
    say(find("trouble"), error.message);
    find("trouble").hidden = false;
  }
  addEventListener("hashchange", show);
  addEventListener("visibilitychange", turn);
  addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey;
    const name = Object.keys(VIEWS)[Number(event.key) - 1];
    if (event.key === "Escape") details(find("details"), context, null);
    else if (!isTyping && name) go(name);
    else if (!isTyping && event.key === "/") {
      event.preventDefault();
      find("view").querySelector("input[type=search]")?.focus();
    }
  });
  show();
  setInterval(turn, TICK);
}

start();
