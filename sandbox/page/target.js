// The card of one target: its lease, its faults, its services and its scaling groups.

import { el, icon, keyed, setAttribute, setText, show } from "./dom.js";
import { releaseView } from "./release.js";
import { serviceView, toneBadge } from "./service.js";
import { age, count, dateAndClock, faultText, instant, list, number, shortId, stateOf } from "./words.js";

const MOST_SLOTS = 24; // beyond that a group is told in numbers
const WORST = ["trouble", "changing", "steady"];

/** Return {node, update({target, faults, pointsOf, now, detailed})}. */
export function targetView(target) {
  const title = el("h2");
  const name = el("a", "mono");
  const place = el("span", "muted");
  const badge = toneBadge();
  const lease = leaseView();
  const faults = el("ul", "faults");
  const services = el("div", "services");
  const groups = el("div", "groups");
  const release = releaseView();
  const none = el("p", "muted", "The inventory names no services here, so there is nothing to restart or release.");
  const elsewhere = el("p", "muted elsewhere");
  const node = el(
    "article",
    "card",
    el("header", "head", el("div", "title", title, name, place, badge.node), elsewhere, lease.node, faults),
    services,
    groups,
    release.node,
    none,
  );
  name.href = `#${target.name}`;

  function update({ target, faults: active, pointsOf, now, detailed }) {
    setText(title, target.title ?? target.name);
    setText(name, target.name);
    setText(place, [target.account, target.region, target.cluster].filter(Boolean).join(" · "));
    setAttribute(node, "aria-label", `Target ${target.name}`);
    setText(elsewhere, usedBy(target));
    lease.update({ item: target.lease, since: target.leased_at });
    keyed(faults, active, (fault) => fault.id ?? fault.kind, faultView);
    show(faults, active.length > 0);

    const own = list(target.services);
    const states = own.map((service) => ({ service, points: pointsOf(service), now, detailed }));
    const tones = keyed(services, states, (state) => state.service.name, serviceView);
    badge.update(WORST.find((tone) => tones.includes(tone)) ?? "steady");
    show(badge.node, own.length > 1);
    show(none, own.length === 0);
    setAttribute(node, "data-empty", own.length === 0 ? "" : null);
    const tasks = own.flatMap((service) => list(service.tasks).map((task) => ({ ...task, state: stateOf(task, service, now) })));
    keyed(groups, list(target.groups).map((group) => ({ group, tasks, now })), ({ group }) => group.name, groupView);
    release.update(target.release);
  }
  return { node, update };
}

/** Name what a target uses in the external services. */
function usedBy(target) {
  const of = (service) => list(target.uses?.[service]);
  const channels = of("slack").map((name) => `#${name.split("/").pop()}`);
  const named = [["Slack", channels], ["GitHub", of("github")], ["Jira", of("jira")], ["Sentry", of("sentry")]];
  const told = named.filter(([, names]) => names.length).map(([service, names]) => `${service} ${names.join(", ")}`);
  if (of("regions").length) told.push("region data");
  return told.join(" · ");
}

function leaseView() {
  const mark = icon("lock");
  const [who, text] = [el("b"), el("span")];
  const node = el("p", "lease", mark, el("span", "", who, text));
  const update = ({ item, since: leasedAt }) => {
    const lease = leaseOf(item);
    const held = lease.owner !== "";
    setAttribute(node, "data-held", held ? "" : null);
    const since = instant(leasedAt); // by this page's clock: the record has Airflow's
    const waiting = Object.keys(lease.waiting);
    const parts = held
      ? [since === null ? "" : `since ${dateAndClock(since)} UTC`, lease.reason && `for: ${lease.reason}`, `fencing number ${lease.fencing}`]
      : [lease.fencing === "unknown" ? "" : `last fencing number ${lease.fencing}`];
    if (lease.taken_over_from) parts.push(`taken over from ${lease.taken_over_from}, whose run was over`);
    if (waiting.length) parts.push(`waiting for it: ${waiting.join(", ")}`);
    setText(who, held ? `Leased by ${lease.owner}` : "");
    const free = "No lease: no runbook is changing this target";
    setText(text, [held ? "" : free, ...parts.filter(Boolean)].join(" · "));
  };
  return { node, update };
}

/** The lease out of its item of the operations table, which keeps it as JSON text in `document`. */
function leaseOf(item) {
  let document = item?.document?.S ?? item?.document ?? item ?? {};
  if (typeof document === "string") {
    try {
      document = JSON.parse(document) ?? {};
    } catch {
      document = { owner: "someone: its record cannot be read" };
    }
  }
  const word = (value) => (typeof value === "string" ? value : "");
  return {
    owner: word(document.owner),
    reason: word(document.reason),
    fencing: document.fencing ?? "unknown",
    taken_over_from: document.owner ? word(document.taken_over_from) : "",
    waiting: typeof document.waiting === "object" && document.waiting ? document.waiting : {},
  };
}

function faultView() {
  const kind = el("b");
  const text = el("span");
  const effect = el("b");
  const node = el("li", "", icon("warning"), el("span", "", "Fault ", kind, ": ", text, effect));
  const update = (fault) => {
    const said = faultText(fault);
    setText(kind, said.kind);
    setText(text, said.text || "no details");
    setText(effect, said.effect && ` · ${said.effect}`);
  };
  return { node, update };
}

function groupView() {
  const name = el("h3", "mono");
  const about = el("p", "about");
  const alarm = el("span", "alarm", icon("warning"));
  const alarmText = el("span");
  alarm.append(alarmText);
  const suspended = el("span", "suspended");
  const slots = el("ol", "slots");
  const rest = el("p", "muted");
  const node = el("section", "group", el("div", "title", name, el("span", "muted", "scaling group"), alarm, suspended), about, slots, rest);

  function update({ group, tasks, now }) {
    const instances = list(group.instances).toSorted((a, b) => (instant(a.launched_at) ?? 0) - (instant(b.launched_at) ?? 0));
    const [wanted, max] = [number(group.desired) ?? instances.length, number(group.max) ?? instances.length];
    setText(name, group.name ?? "unnamed group");
    const here = `${instances.length} ${instances.length === 1 ? "instance" : "instances"}`;
    setText(about, `${here}, ${count(group.desired)} wanted, ${count(group.min)} to ${count(group.max)} allowed.`);
    const ringing = group.alarm === "ALARM";
    setText(alarmText, ringing ? "alarm in ALARM: the group may shrink" : `alarm ${group.alarm ?? "unknown"}`);
    setAttribute(alarm, "data-alarm", ringing ? "" : null);
    const processes = list(group.suspended);
    setText(suspended, processes.length ? `suspended: ${processes.join(", ")}` : "");
    show(suspended, processes.length > 0);

    const total = Math.max(instances.length, max);
    const drawn = Math.min(total, Math.max(instances.length, wanted, MOST_SLOTS));
    const rows = Array.from({ length: drawn }, (_, i) => ({
      index: i,
      instance: instances[i] ?? null,
      kind: instances[i] ? "taken" : i < wanted ? "coming" : "free",
      tasks: tasks.filter((task) => instances[i]?.id && task.instance === instances[i].id && task.state !== "stopped"),
      marks: [
        i + 1 === group.min && ["min", `min ${group.min}`],
        i + 1 === group.desired && ["wanted", `wanted ${group.desired}`],
        i + 1 === group.max && ["max", `max ${group.max}`],
      ].filter(Boolean),
      over: i >= max,
      now,
    }));
    keyed(slots, rows, (row) => row.instance?.id ?? `empty ${row.index}`, slotView);
    setText(rest, total > drawn ? `${total - drawn} more free slots.` : "");
    show(rest, total > drawn);
  }
  return { node, update };
}

function slotView() {
  const id = el("code");
  const state = el("span", "state");
  const shield = el("span", "shield", icon("shield"), "protected");
  const chips = el("ul", "chips");
  const box = el("div", "box", el("p", "row", id, state), chips, shield);
  const marks = el("p", "marks");
  const node = el("li", "slot", box, marks);

  function update({ instance, kind, tasks, marks: edges, over, now }) {
    const going = /^(terminat|detach)/i.test(instance?.state ?? "");
    setAttribute(node, "data-kind", going ? "going" : over ? "over" : kind);
    setText(id, instance ? (instance.id ?? "instance") : "");
    const launched = instance ? age(instance.launched_at, now) : "";
    const facts = [instance?.state ?? "no state", over && "above the maximum", launched].filter(Boolean).join(", ");
    setText(state, instance ? facts : { coming: "wanted, not here yet", free: "free" }[kind]);
    show(id, instance !== null);
    show(shield, instance?.protected === true);
    const known = tasks.map((task) => ({ key: shortId(task), state: task.state, text: `${shortId(task)} ${task.state}` }));
    if (!known.length && instance) {
      const n = number(instance.tasks);
      const text = n === null ? "tasks unknown" : n === 0 ? "no task" : n === 1 ? "1 task" : `${n} tasks`;
      known.push({ key: "count", state: "none", text });
    }
    keyed(chips, known, (chip) => chip.key, chipView);
    keyed(marks, edges, ([mark]) => mark, ([mark, text]) => {
      const label = el("span", `mark ${mark}`, text);
      return { node: label, update: ([, words]) => setText(label, words) };
    });
  }
  return { node, update };
}

function chipView() {
  const mark = icon("starting");
  const text = el("span");
  const node = el("li", "chip", mark, text);
  const update = (chip) => {
    mark.show(chip.state);
    setText(text, chip.text);
    setAttribute(node, "data-state", chip.state);
  };
  return { node, update };
}
