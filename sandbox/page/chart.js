// The chart of one service: healthy tasks over simulated time against the desired count.

import { el, keyed, setAttribute, setText, svg } from "./dom.js";
import { clock, count, duration } from "./words.js";

const MINUTE = 60_000;
const WINDOW = 90 * MINUTE; // a surge restart, its wait and the shrinking of the group afterwards
const SHORTEST = 10 * MINUTE;
const [TALL, LOW] = [132, 92];
const MARGIN = { top: 8, right: 10, bottom: 18, left: 20 };
const STEPS = [1, 2, 5, 10, 15, 30, 60].map((minutes) => minutes * MINUTE);

/** Return {node, update({points, now, service})}; points are sorted by time, `at` in milliseconds. */
export function chart() {
  const drawing = svg("svg", { role: "img", class: "plot" });
  const [rows, ticks] = [svg("g"), svg("g")];
  const area = svg("path", { class: "area" });
  const lines = { running: null, desired: null, healthy: null };
  drawing.append(rows, ticks, area);
  for (const name of Object.keys(lines)) drawing.append((lines[name] = svg("path", { class: `line ${name}` })));
  const cursor = svg("line", { class: "cursor", y1: MARGIN.top, visibility: "hidden" });
  drawing.append(cursor);
  const legend = el("p", "legend");
  const numbers = {};
  for (const [name, word] of [["healthy", "healthy"], ["desired", "wanted"], ["running", "running"]]) {
    const swatch = svg("svg", { viewBox: "0 0 18 8", class: "swatch", "aria-hidden": "true" });
    swatch.append(svg("path", { class: `line ${name}`, d: "M0 4h18" }));
    legend.append(el("span", "", swatch, (numbers[name] = el("b")), ` ${word}`));
  }
  const caption = el("p", "muted caption");
  const node = el("div", "chart", legend, drawing, caption);

  let width = 0;
  let last = null;
  let pointer = null;
  const draw = () => last && width > 0 && paint(last);
  new ResizeObserver(([entry]) => {
    width = Math.floor(entry.contentRect.width);
    draw();
  }).observe(node);
  drawing.addEventListener("pointermove", (event) => {
    pointer = event.clientX - drawing.getBoundingClientRect().left;
    draw();
  });
  drawing.addEventListener("pointerleave", () => {
    pointer = null;
    draw();
  });

  function paint({ points, now, service, tall }) {
    const height = tall ? TALL : LOW;
    const floor = height - MARGIN.bottom;
    const seen = within(points, now);
    const start = Math.min(seen[0].at, now - SHORTEST);
    const top = Math.max(1, ...seen.flatMap((point) => [point.healthy, point.running, point.desired]));
    const right = width - MARGIN.right;
    const x = (at) => MARGIN.left + ((at - start) / (now - start)) * (right - MARGIN.left);
    const y = (n) => floor - (n / (top * 1.08)) * (floor - MARGIN.top);
    setAttribute(drawing, "width", width);
    setAttribute(drawing, "height", height);
    for (const [name, path] of Object.entries(lines)) setAttribute(path, "d", steps(seen, name, x, y));
    setAttribute(area, "d", `${steps(seen, "healthy", x, y)}V${y(0).toFixed(1)}H${x(seen[0].at).toFixed(1)}Z`);
    grid(rows, top, y, right, tall ? 5 : 3);
    times(ticks, start, now, x, right, height);

    const lowest = Math.min(...seen.map((point) => point.healthy));
    const span = duration(now - seen[0].at);
    const said = `Lowest healthy count in the last ${span}: ${lowest}`;
    setAttribute(drawing, "aria-label", `Healthy ${count(service.healthy)} of ${count(service.desired)} wanted. ${said}.`);
    const inside = pointer !== null && pointer >= x(seen[0].at) && pointer <= right;
    setAttribute(cursor, "visibility", inside ? "visible" : "hidden");
    if (!inside) return setText(caption, said);
    const at = start + ((pointer - MARGIN.left) / (right - MARGIN.left)) * (now - start);
    const point = seen.findLast((one) => one.at <= at) ?? seen[0];
    setAttribute(cursor, "y2", floor);
    setAttribute(cursor, "x1", pointer);
    setAttribute(cursor, "x2", pointer);
    setText(caption, `${clock(at, true)}: ${point.healthy} healthy, ${point.desired} wanted, ${point.running} running`);
  }

  function update(state) {
    const { service, now } = state;
    for (const [name, value] of Object.entries(numbers)) setText(value, count(service[name]));
    node.hidden = now === null || state.points.length === 0;
    last = node.hidden ? null : state;
    draw();
  }
  return { node, update };
}

/** The points of the window, led by the value that held when it began and ended by one at `now`. */
function within(points, now) {
  const before = points.findLast((point) => point.at <= now - WINDOW);
  const seen = points.filter((point) => point.at > now - WINDOW && point.at <= now);
  if (before) seen.unshift({ ...before, at: now - WINDOW });
  if (!seen.length) seen.push({ ...points.at(-1), at: now });
  return [...seen, { ...seen.at(-1), at: now }];
}

function steps(points, name, x, y) {
  let path = "";
  for (const point of points) {
    const [px, py] = [x(point.at).toFixed(1), y(point[name]).toFixed(1)];
    path += path ? `H${px}V${py}` : `M${px} ${py}`;
  }
  return path;
}

function grid(group, top, y, right, most) {
  const step = Math.ceil(top / most);
  const rows = Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => ({ value: i * step, y: y(i * step).toFixed(1), right }));
  keyed(group, rows, (row) => row.value, ({ value }) => {
    const line = svg("line", { class: "rule", x1: MARGIN.left });
    const label = svg("text", { x: MARGIN.left - 6, "text-anchor": "end", dy: "0.32em" });
    setText(label, value);
    const node = svg("g");
    node.append(line, label);
    const update = (row) => {
      setAttribute(line, "x2", row.right);
      for (const edge of ["y1", "y2"]) setAttribute(line, edge, row.y);
      setAttribute(label, "y", row.y);
    };
    return { node, update };
  });
}

function times(group, start, now, x, right, height) {
  const room = Math.max(2, Math.floor((right - MARGIN.left) / 64));
  const step = STEPS.find((candidate) => (now - start) / candidate <= room) ?? STEPS.at(-1);
  const ticks = [];
  for (let at = Math.ceil(start / step) * step; at <= now; at += step) {
    if (x(at) >= MARGIN.left + 10 && x(at) <= right - 12) ticks.push({ at, x: x(at).toFixed(1), y: height - 4 });
  }
  keyed(group, ticks, (tick) => tick.at, ({ at }) => {
    const label = svg("text", { "text-anchor": "middle" });
    setText(label, clock(at));
    const update = (tick) => {
      setAttribute(label, "x", tick.x);
      setAttribute(label, "y", tick.y);
    };
    return { node: label, update };
  });
}
