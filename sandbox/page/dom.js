// Small DOM tools: everything from the world enters the page as text or as an attribute, never as markup.

const SVG = "http://www.w3.org/2000/svg";
const lists = new WeakMap();

const ICONS = {
  healthy: "M2.5 6.5 5 9l4.5-5.5",
  running: "M4 3v6l5-3z",
  loading: "M6 2a4 4 0 1 1-4 4",
  checking: "M4.2 4.4a1.9 1.9 0 1 1 2.7 1.7c-.6.3-.9.6-.9 1.3M6 9.7v.1",
  starting: "M2.5 6v.1M6 6v.1M9.5 6v.1",
  unhealthy: "m3 3 6 6m0-6L3 9",
  stopping: "M6 2v7M3 6.5 6 9.5 9 6.5",
  stopped: "M3 3h6v6H3z",
  shield: "M6 1.5 10 3v3c0 2.5-1.7 4-4 5-2.3-1-4-2.5-4-5V3z",
  lock: "M3 5.5h6v5H3zM4.2 5.5V4a1.8 1.8 0 0 1 3.6 0v1.5",
  warning: "M6 1.8 11 10.3H1zM6 5v2.3M6 8.9v.1",
};

/** Create an element; `className` may be empty, children are nodes or text. */
export function el(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

export function svg(tag, attributes = {}) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Draw a small icon; decoration only, the word beside it carries the meaning. */
export function icon(name) {
  const node = svg("svg", { viewBox: "0 0 12 12", class: "icon", "aria-hidden": "true" });
  node.append(svg("path", { d: ICONS[name] ?? "" }));
  node.show = (other) => setAttribute(node.firstChild, "d", ICONS[other] ?? "");
  return node;
}

/** Write only what changed: an untouched node neither flickers nor is announced again. */
export function setText(node, text) {
  const value = text === null || text === undefined ? "" : String(text);
  if (node.textContent !== value) node.textContent = value;
}

export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/**
 * Bring `parent`'s children in line with `items`: one view per key, kept across updates, in the items' order.
 * `create(item)` returns {node, update(item)}; what the updates answer is returned. Those that leave fade first.
 */
export function keyed(parent, items, keyOf, create) {
  const first = !lists.has(parent);
  const before = lists.get(parent) ?? new Map();
  const after = new Map();
  const answers = [];
  for (const item of items) {
    let key = String(keyOf(item));
    while (after.has(key)) key += "+"; // the same id twice must not hide the second
    let view = before.get(key);
    if (!view) {
      view = create(item);
      if (!first) view.node.classList.add("enter");
    }
    answers.push(view.update(item));
    after.set(key, view);
  }
  for (const [key, view] of before) if (!after.has(key)) leave(view.node);
  let cursor = parent.firstChild;
  for (const { node } of after.values()) {
    while (cursor?.classList?.contains("leave")) cursor = cursor.nextSibling;
    if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
  }
  lists.set(parent, after);
  return answers;
}

function leave(node) {
  if (node.namespaceURI === SVG || !node.checkVisibility?.()) {
    node.remove();
    return;
  }
  node.classList.add("leave");
  node.setAttribute("aria-hidden", "true");
  setTimeout(() => node.remove(), 350);
}
