// Who talks to whom, and how much: what goes over each connection stands on it, and what two ends do not agree on is red.

import { el, keep, mark, say, svg } from "/dom.js";
import { mood, rate } from "/format.js";
import { BOX, layout } from "/layout.js";

export const title = "Graph";

let parts = null;
let context = null;
/// Of each section what is drawn in it; sections that have gone are forgotten.
let drawn = new WeakMap();

export function show(root, given) {
  context = given;
  drawn = new WeakMap();
  parts = { systems: el("div", { class: "column" }), nothing: el("p", { class: "nothing", hidden: true }) };
  root.append(parts.systems, parts.nothing);
}

export async function tick() {
  const graphs = await context.get("/api/graph");
  const systems = graphs.systems ?? [];
  const alone = graphs.alone ?? [];
  const all = alone.length ? [...systems, { up: "alone", name: "by themselves", alone, services: [], connections: [] }] : systems;
  keep(parts.systems, all, (graph) => graph.up, (graph) => section(graph), (element, graph) => update(element, graph));
  parts.nothing.hidden = all.length > 0;
  say(parts.nothing, "Nothing runs.");
}

function section(graph) {
  return el("section", { class: "column", "data-system": graph.name },
    el("div", { class: "tools" }, el("h2")),
    el("div", { class: "box graph" }), el("ul", { class: "wrongs", hidden: true }));
}

function update(element, graph) {
  const [tools, box, wrongs] = element.children;
  say(tools.firstChild, graph.name);
  if (graph.alone) graph = asGraph(graph);
  const shape = JSON.stringify([graph.services?.map((node) => [keyOf(node), node.replicas]), graph.connections?.map((edge) => [edge.from, edge.to])]);
  if (drawn.get(element)?.shape !== shape) drawn.set(element, { shape, ...draw(box, graph) });
  const { nodes, edges } = drawn.get(element);
  (graph.services ?? []).forEach((node, place) => paintNode(nodes[place], node));
  (graph.connections ?? []).forEach((edge, place) => paintEdge(edges[place], edge));
  const problems = (graph.connections ?? []).flatMap((edge) => (edge.problems ?? []).map((problem) =>
    `${edge.from.service} → ${edge.to.service}, ${labelOf(edge)}: ${problem}`));
  wrongs.hidden = !problems.length;
  keep(wrongs, problems.slice(0, 50), (problem) => problem, () => el("li"), say);
}

/// What a node is known by: its name within a system, but by itself anybody may have any name.
const keyOf = (node) => node.id ?? node.name;

/// Services that belong to no system, of which nobody knows whom they talk to.
function asGraph(graph) {
  const services = graph.alone.map((node) => ({ name: node.name, id: node.id, service: "", replicas: 1, depends_on: [], state: node.state }));
  return { ...graph, services, connections: [] };
}

function draw(box, graph) {
  const services = (graph.services ?? []).map((node) => ({ name: keyOf(node) }));
  const { places, ways, width, height } = layout({ services, connections: graph.connections ?? [] });
  const waits = (graph.services ?? []).flatMap((node) => node.depends_on.map((needed) => wait(places.get(keyOf(node)), places.get(needed))));
  const edges = (graph.connections ?? []).map((edge, number) => drawEdge(edge, ways[number]));
  const nodes = (graph.services ?? []).map((node) => drawNode(node, places.get(keyOf(node)), graph));
  const tip = (id, kind) => svg("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" },
    svg("path", { class: `tip ${kind}`, d: "M0 0 8 4 0 8z" }));
  const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Who talks to whom in ${graph.name}` },
    svg("defs", {}, tip("tip", ""), tip("tip-wrong", "wrong")), waits, edges, nodes);
  box.replaceChildren(picture);
  return { nodes, edges };
}

function wait(from, to) {
  const [x, y, endX, endY] = [from.x + BOX.width / 2, from.y, to.x + BOX.width / 2, to.y];
  const up = Math.min(y, endY) - 14;
  return svg("g", { class: "waits" }, svg("title", {}, "depends on"), svg("path", { d: `M${x} ${y}C${x} ${up} ${endX} ${up} ${endX} ${endY}` }));
}

/// A curve through these points, which leaves and arrives level.
function curve(points) {
  return points.slice(1).reduce((path, { x, y }, place) => {
    const before = points[place];
    const bend = before.x < x ? (x - before.x) / 2 : 60;
    return `${path}C${before.x + bend} ${before.y} ${x - bend} ${y} ${x} ${y}`;
  }, `M${points[0].x} ${points[0].y}`);
}

function drawEdge(edge, way) {
  const [start, second] = way;
  return svg("g", { class: "edge", "data-from": edge.from.end, "data-to": edge.to.end }, svg("title"),
    svg("path", { d: curve(way) }),
    svg("text", { class: "label", x: (start.x + second.x) / 2, y: (start.y + second.y) / 2 + 4 }));
}

function drawNode(node, place, graph) {
  const name = node.replicas > 1 ? `${node.name} × ${node.replicas}` : node.name;
  const open = () => {
    const own = node.id ?? context.live().services.find((service) => service.id.startsWith(`${graph.up}/`) && service.entry === node.name)?.id;
    if (own) context.details(own);
  };
  return svg("g", { class: "node", tabindex: 0, role: "button", "data-service": node.name, "data-id": node.id, onclick: open, onkeydown: (event) => event.key === "Enter" && open() },
    svg("title", {}, [node.service, ...(node.outside ?? []).map((end) => `outside: ${end}`)].filter(Boolean).join("\n")),
    svg("rect", { x: place.x, y: place.y, width: BOX.width, height: BOX.height, rx: 6 }),
    svg("text", { x: place.x + 10, y: place.y + 19 }, cut(name)),
    svg("text", { class: "under", x: place.x + 10, y: place.y + 36 }));
}

function cut(text) {
  return text.length > 23 ? `${text.slice(0, 22)}…` : text;
}

function paintNode(element, node) {
  mark(element, "class", `node ${mood(node.state.split(", ")[0] === "ready" && node.state.includes(",") ? "waiting" : node.state)}`);
  say(element.lastChild, cut(node.state || "does not run"));
}

function labelOf(edge) {
  const last = (end) => end.split(".").pop();
  const [from, to] = [last(edge.from.end), last(edge.to.end)];
  return from === to ? from : `${from} → ${to}`;
}

function paintEdge(element, edge) {
  const isWrong = edge.problems?.length > 0;
  const isBusy = edge.rate > 0;
  const [tip, path, label] = element.children;
  mark(element, "class", `edge${isWrong ? " wrong" : ""}${isBusy ? " busy" : ""}`);
  mark(path, "marker-end", isWrong ? "url(#tip-wrong)" : "url(#tip)");
  mark(label, "class", isBusy ? "label busy" : "label");
  say(tip, [`${edge.what}: ${edge.from.end} → ${edge.to.end}`, ...(edge.problems ?? [])].join("\n"));
  const name = labelOf(edge);
  const short = name.length > 16 ? `${name.slice(0, 15)}…` : name;
  say(label, typeof edge.rate === "number" ? `${short} ${rate(edge.rate)}/s` : short);
}
