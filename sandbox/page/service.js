// One service of a target: its sentence, its chart, its tasks by age, its deployments and its events.

import { chart } from "./chart.js";
import { el, icon, keyed, setAttribute, setText, show } from "./dom.js";
import { age, byAge, clock, count, describe, instant, list, number, percent, region, revision, shortId, traffic } from "./words.js";

const STATE_WORDS = {
  starting: "starting",
  loading: "loading",
  checking: "waiting for checks",
  healthy: "healthy",
  running: "running",
  unhealthy: "unhealthy",
  stopping: "stopping",
  stopped: "stopped",
};
const TONES = { steady: ["healthy", "steady"], changing: ["loading", "changing"], trouble: ["warning", "needs a look"] };

/** A pill that says steady, changing or needs a look. */
export function toneBadge() {
  const mark = icon("healthy");
  const word = el("span");
  const node = el("span", "tone", mark, word);
  const update = (tone) => {
    mark.show(TONES[tone][0]);
    setText(word, TONES[tone][1]);
    setAttribute(node, "data-tone", tone);
  };
  return { node, update };
}

/** Return {node, update({service, points, now, detailed})}; `update` answers the service's tone. */
export function serviceView() {
  const name = el("h3", "mono");
  const about = el("span", "muted");
  const badge = toneBadge();
  const sentence = el("p", "sentence");
  const detail = el("p", "detail");
  const shift = el("p", "detail");
  const spoken = el("p", "unseen");
  spoken.setAttribute("aria-live", "polite");
  const graph = chart();
  const ages = el("div", "ages");
  const empty = el("p", "muted", "No tasks.");
  const more = moreView();
  const node = el(
    "section",
    "service",
    el("div", "title", name, about, badge.node),
    el("div", "says", sentence, detail, shift, spoken),
    el("div", "halves", graph.node, el("div", "tasks", ages, empty)),
    more.node,
  );

  function update({ service, points, now, detailed }) {
    const split = byAge(service, points, now);
    const said = describe(service, split.tasks, now);
    setText(name, service.name ?? "unnamed service");
    const boot = number(service.boot_seconds);
    const usual = boot === null ? "" : `boots in about ${boot < 60 ? `${boot} s` : `${Math.round(boot / 60)} min`}`;
    setText(about, [service.launch_type, service.task_definition, usual].filter(Boolean).join(" · "));
    badge.update(said.tone);
    setText(sentence, said.sentence);
    setText(detail, said.detail);
    setAttribute(node, "data-detailed", detailed ? "" : null);
    show(detail, said.detail !== "");
    setText(shift, traffic(service));
    show(shift, shift.textContent !== "");
    // read aloud when the situation changes, not at every per cent of a load
    setText(spoken, `${service.name}: ${said.sentence.replace(/ \([^)]*%\)/g, "")}`);
    graph.update({ service, points, now, tall: detailed });
    keyed(ages, groupsOf(split, now), (group) => group.kind, ageView);
    show(empty, split.tasks.length === 0);
    more.update(service, now, detailed);
    return said.tone;
  }

  return { node, update };
}

function groupsOf({ tasks, changedAt, returned }, now) {
  const timed = tasks.map((task) => ({ ...task, now }));
  const groups = ["old", "new", "current"].map((kind) => ({ kind, changedAt, returned, tasks: timed.filter((task) => task.age === kind) }));
  return groups.filter((group) => group.tasks.length);
}

function ageView() {
  const title = el("h4");
  const boxes = el("div", "boxes");
  const node = el("div", "age", title, boxes);
  const update = ({ kind, tasks, changedAt, returned }) => {
    const alive = tasks.filter((task) => task.state !== "stopped").length;
    const since = clock(changedAt);
    const changed = { old: `Old, from before ${since}`, new: `New, since ${since}`, current: "Tasks" };
    const rolledBack = { old: "Withdrawn", new: `Back on ${returned}`, current: "Tasks" };
    const heading = (returned ? rolledBack : changed)[kind];
    setText(title, `${heading}: ${alive}${tasks.length > alive ? ` (and ${tasks.length - alive} stopped)` : ""}`);
    setAttribute(node, "data-age", kind);
    keyed(boxes, tasks, (task) => task.id ?? task.arn, taskView);
  };
  return { node, update };
}

function taskView() {
  const mark = icon("starting");
  const id = el("code");
  const kind = el("span", "kind");
  const made = el("span", "kind");
  const lived = el("span", "lived");
  const word = el("b");
  const status = el("span", "muted");
  const shield = el("span", "shield", icon("shield"), "protected");
  const fill = el("span", "fill");
  const bar = el("span", "track", fill);
  bar.setAttribute("role", "progressbar");
  const loaded = el("span", "loaded");
  const progress = el("p", "progress", bar, loaded);
  const where = el("p", "where");
  const instance = el("code", "muted");
  const reason = el("p", "reason");
  const node = el(
    "article",
    "task",
    el("p", "row", id, kind, lived),
    el("p", "row", mark, word, status),
    progress,
    where,
    el("p", "row", made, instance, shield),
    reason,
  );

  function update(task) {
    setAttribute(node, "data-state", task.state);
    setAttribute(node, "data-age", task.age);
    setText(id, shortId(task));
    setAttribute(id, "title", task.arn ?? task.id);
    const its = revision(task.task_definition);
    setText(made, its === null ? "" : `revision ${its}`);
    setAttribute(made, "title", task.task_definition);
    setText(kind, task.kind === "current" ? "" : task.kind);
    const ended = instant(task.stopped_at);
    setText(lived, task.state === "stopped" ? (ended === null ? "" : `at ${clock(ended)}`) : age(task.created_at, task.now));
    mark.show(task.state);
    setText(word, STATE_WORDS[task.state]);
    setText(status, statusOf(task));
    show(shield, task.protected === true && task.state !== "stopped");
    const share = number(task.progress);
    const loads = share !== null && task.state === "loading";
    show(progress, loads);
    show(where, loads);
    if (loads) {
      setAttribute(bar, "aria-valuenow", percent(share));
      setAttribute(bar, "aria-label", `load of task ${shortId(task)} in per cent`);
      fill.style.transform = `scaleX(${Math.min(1, Math.max(0, share))})`;
      setText(loaded, `${percent(share)} %`);
      const regions = list(task.loading).map(region);
      const others = regions.length > 3 ? ` and ${regions.length - 3} more` : "";
      setText(where, regions.length ? `now ${regions.slice(0, 3).join(", ")}${others}` : "no region loading now");
      setAttribute(where, "title", list(task.loading).join("\n"));
    }
    setText(instance, task.instance ?? "");
    const why = [task.stop_code, task.stopped_reason].filter(Boolean).join(": ");
    setText(reason, why);
    show(reason, why !== "" && ["stopping", "stopped"].includes(task.state));
  }
  return { node, update };
}

/** The rest of the row: AWS's own words where they add to ours. */
function statusOf(task) {
  const health = task.state === "stopping" ? task.health : null;
  return [task.state === "stopped" ? null : task.status, health === "none" ? null : health].filter(Boolean).join(", ");
}

function moreView() {
  const rows = el("tbody");
  const head = el("tr");
  for (const title of ["Deployment", "Rollout", "Task definition", "Wanted", "Running", "Pending", "Failed", "Age"]) {
    const cell = el("th", "", title);
    cell.scope = "col";
    head.append(cell);
  }
  const table = el("table", "deployments", el("thead", "", head), rows);
  const events = el("ol", "events");
  const summary = el("summary");
  const none = el("p", "muted", "No events yet.");
  const scroll = el("div", "scroll", table);
  const node = el("details", "more", summary, el("div", "inner", scroll, el("div", "", el("h4", "", "Latest events"), events, none)));
  let wasDetailed = null;

  function update(service, now, detailed) {
    if (detailed !== wasDetailed) node.open = wasDetailed = detailed;
    const deployments = list(service.deployments).map((deployment) => ({ ...deployment, now }));
    const latest = list(service.events).slice(0, 10);
    const states = deployments.map((deployment) => deployment.rollout_state ?? deployment.status).filter(Boolean).join(", ");
    const newest = latest.length === 1 ? "the latest event" : `the latest ${latest.length} events`;
    setText(summary, `Deployments (${states || "none"})${latest.length ? ` and ${newest}` : ""}`);
    show(scroll, deployments.length > 0);
    keyed(rows, deployments, (deployment) => deployment.id, deploymentRow);
    keyed(events, latest, (event) => `${event.at} ${event.message}`, eventRow);
    show(none, latest.length === 0);
  }
  return { node, update };
}

function deploymentRow() {
  const cells = Array.from({ length: 8 }, () => el("td"));
  const reason = el("span", "muted");
  const node = el("tr", "", ...cells);
  const id = el("code");
  const [rollout, family] = [el("b"), el("code")];
  cells[0].append(id);
  cells[1].append(rollout, " ", reason);
  cells[2].append(family);
  const update = (deployment) => {
    setText(id, `…${String(deployment.id ?? "?").slice(-6)} ${deployment.status ?? ""}`);
    setAttribute(id, "title", deployment.id);
    setText(rollout, deployment.rollout_state ?? "no state");
    setAttribute(rollout, "data-rollout", deployment.rollout_state);
    setText(reason, deployment.rollout_reason);
    setText(family, String(deployment.task_definition ?? "–").split("/").pop());
    ["desired", "running", "pending", "failed"].forEach((field, i) => setText(cells[3 + i], count(deployment[field])));
    setText(cells[7], age(deployment.created_at, deployment.now));
  };
  return { node, update };
}

function eventRow(event) {
  const when = el("time", "mono", clock(instant(event.at), true));
  const node = el("li", "", when, el("span", "", String(event.message ?? "")));
  return { node, update: () => {} };
}
