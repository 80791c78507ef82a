// Where the services of a system are drawn: in columns, each to the right of those that talk to it. Connections over several
// columns get a place in each, so that they pass beside what stands there. Every step looks at each service and each
// connection a bounded number of times.

export const BOX = { width: 180, height: 46 };
const GAP = { x: 150, y: 34 };
const MARGIN = { x: 16, y: 30 };

/// Between those that talk to nobody, and how wide their rows are at least.
const CLOSE = 20;
const WIDE = 1200;

/// Connections over more columns than this take the straight way.
const LONGEST = 8;

/// How often the order within columns is made better.
const SWEEPS = 4;

/// Gives each service its place and each connection the points that it goes through; and the size of all.
export function layout(graph) {
  const linked = new Set(graph.connections.flatMap((edge) => [edge.from.service, edge.to.service]));
  const names = graph.services.map((service) => service.name).filter((name) => linked.has(name));
  const others = graph.services.map((service) => service.name).filter((name) => !linked.has(name));
  const edges = graph.connections.map((edge) => ({ from: edge.from.service, to: edge.to.service }));
  const columnOf = columnsOf(names, edges);
  const columns = [];
  const add = (item, column) => {
    (columns[column] ??= []).push(item);
    item.column = column;
    item.beside = [];
    return item;
  };
  const boxes = new Map(names.map((name) => [name, add({ height: BOX.height }, columnOf.get(name))]));
  for (const edge of edges) edge.through = passing(edge, boxes, add);
  for (let sweep = 0; sweep < SWEEPS; sweep++) arrange(columns, sweep % 2 === 1);
  const heights = columns.map((column) => stack(column ?? []));
  const most = Math.max(BOX.height, ...heights);
  columns.forEach((column, number) => column?.forEach((item) => {
    item.x = MARGIN.x + number * (BOX.width + GAP.x);
    item.y += MARGIN.y + (most > 2000 ? 0 : (most - heights[number]) / 2);
  }));
  const width = Math.max(1, columns.length) * (BOX.width + GAP.x) - GAP.x + 2 * MARGIN.x;
  const top = names.length ? most + MARGIN.y + GAP.y : MARGIN.y;
  const size = inRows(others, boxes, top, Math.max(width, WIDE));
  const height = others.length ? size.height : most + MARGIN.y;
  return { places: boxes, ways: ways(edges, boxes), width: Math.max(names.length ? width : 0, size.width), height: height + 16 };
}

/// Puts those that talk to nobody here below the others, in rows; returns how far they reach.
function inRows(names, boxes, top, wide) {
  const step = { x: BOX.width + CLOSE, y: BOX.height + CLOSE };
  const each = Math.max(1, Math.floor((wide - 2 * MARGIN.x + CLOSE) / step.x));
  names.forEach((name, place) => {
    boxes.set(name, { height: BOX.height, x: MARGIN.x + (place % each) * step.x, y: top + Math.floor(place / each) * step.y });
  });
  const rows = Math.ceil(names.length / each);
  return { width: Math.min(names.length, each) * step.x - CLOSE + 2 * MARGIN.x, height: top + rows * step.y - CLOSE };
}

/// The places that a connection takes in the columns between its ends.
function passing({ from, to }, boxes, add) {
  const [start, end] = [boxes.get(from), boxes.get(to)];
  const through = [];
  if (end.column - start.column <= LONGEST) {
    for (let column = start.column + 1; column < end.column; column++) through.push(add({ height: 12 }, column));
  }
  const way = [start, ...through, end];
  for (let step = 1; step < way.length; step++) {
    way[step - 1].beside.push(way[step]);
    way[step].beside.push(way[step - 1]);
  }
  return through;
}

/// Orders each column by where those stand that its items are connected with.
function arrange(columns, isBackwards) {
  columns.forEach((column) => column?.forEach((item, row) => { item.row = row; }));
  const order = isBackwards ? [...columns.keys()].reverse() : [...columns.keys()];
  for (const number of order) {
    const column = columns[number] ?? [];
    for (const item of column) {
      const rows = item.beside.filter((other) => (isBackwards ? other.column > number : other.column < number)).map((other) => other.row);
      item.wish = rows.length ? rows.reduce((sum, row) => sum + row, 0) / rows.length : item.row;
    }
    column.sort((one, other) => one.wish - other.wish || one.row - other.row);
    column.forEach((item, row) => { item.row = row; });
  }
}

/// Stacks the items of a column; returns its height.
function stack(column) {
  let y = 0;
  for (const item of column) {
    item.y = y;
    y += item.height + GAP.y;
  }
  return Math.max(0, y - GAP.y);
}

/// Where each connection leaves, passes and arrives: spread over the sides of the boxes, by where they lead.
function ways(edges, boxes) {
  const leaving = new Map();
  const arriving = new Map();
  const note = (map, key, edge, other) => {
    if (!map.has(key)) map.set(key, []);
    map.get(key).push({ edge, y: other.y });
  };
  for (const edge of edges) {
    note(leaving, edge.from, edge, edge.through[0] ?? boxes.get(edge.to));
    note(arriving, edge.to, edge, edge.through.at(-1) ?? boxes.get(edge.from));
  }
  const spread = (map, key) => {
    for (const [name, list] of map) {
      list.sort((one, other) => one.y - other.y);
      list.forEach(({ edge }, place) => { edge[key] = boxes.get(name).y + (BOX.height * (place + 1)) / (list.length + 1); });
    }
  };
  spread(leaving, "startY");
  spread(arriving, "endY");
  return edges.map((edge) => [
    { x: boxes.get(edge.from).x + BOX.width, y: edge.startY },
    ...edge.through.flatMap((item) => [{ x: item.x, y: item.y + 6 }, { x: item.x + BOX.width, y: item.y + 6 }]),
    { x: boxes.get(edge.to).x - 2, y: edge.endY },
  ]);
}

/// The longest way to each from one that nobody talks to; what leads back in a circle does not count.
function columnsOf(names, edges) {
  const next = new Map(names.map((name) => [name, []]));
  for (const { from, to } of edges) if (from !== to) next.get(from)?.push(to);
  const stateOf = new Map();
  const order = [];
  const after = new Map(names.map((name) => [name, []]));
  for (const start of names) {
    if (stateOf.has(start)) continue;
    const path = [[start, 0]];
    stateOf.set(start, "open");
    while (path.length) {
      const top = path[path.length - 1];
      const to = next.get(top[0])[top[1]++];
      if (to === undefined) {
        stateOf.set(top[0], "done");
        order.push(top[0]);
        path.pop();
      } else if (stateOf.get(to) !== "open" && next.has(to)) {
        after.get(top[0]).push(to);
        if (!stateOf.has(to)) {
          stateOf.set(to, "open");
          path.push([to, 0]);
        }
      }
    }
  }
  const columns = new Map(names.map((name) => [name, 0]));
  for (const name of order.reverse()) {
    for (const to of after.get(name)) columns.set(to, Math.max(columns.get(to), columns.get(name) + 1));
  }
  return columns;
}
