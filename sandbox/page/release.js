// What belongs to a target's releases: images, builds, blue-green deployments, one-off tasks, alarms, snapshots.

import { el, keyed, setAttribute, setText, show } from "./dom.js";
import { dateAndClock, instant, list } from "./words.js";

const MOST = 4; // of each kind

/** Return {node, update(release)}; nothing is shown of a target that has none of it. */
export function releaseView() {
  const rows = el("ul", "rows");
  const node = el("details", "release", el("summary", "", `Images, builds, deployments, one-off tasks, alarms: the newest ${MOST} of each`), rows);

  function update(release) {
    const told = linesOf(release ?? {});
    keyed(rows, told, (line) => line.key, lineView);
    show(node, told.length > 0);
  }
  return { node, update };
}

function linesOf(release) {
  const newest = (items) => list(items).slice(0, MOST);
  const line = (kind, id, text, state) => ({ key: `${kind} ${id}`, kind, text, state });
  return [
    ...newest(release.registry?.images).map((image) =>
      line("image", image.digest, `${list(image.tags).join(", ") || "no tag"} · ${image.digest?.slice(0, 19)} · ${moment(image.pushed_at)}`, "")),
    ...newest(release.builds).map((build) =>
      line("build", build.id, `${build.commit || "main"} · ${build.status}${build.status === "IN_PROGRESS" ? `, ${build.phase}` : ""}`, build.status)),
    ...newest(release.blue_green).map((item) =>
      line("deployment", item.id, [item.id, item.task_definition, item.status, item.error, item.rolls_back && `rolls back ${item.rolls_back}`].filter(Boolean).join(" · "), item.status)),
    ...newest(release.one_offs).map((task) =>
      line("one-off task", task.id, [task.command, task.status, task.exit_code !== null && `exit code ${task.exit_code}`, task.stop_code].filter(Boolean).join(" · "), task.status === "STOPPED" && task.exit_code !== 0 ? "FAILED" : "")),
    ...list(release.alarms).filter((alarm) => alarm.state !== "OK").map((alarm) => line("alarm", alarm.name, `${alarm.name} · ${alarm.state}`, alarm.state)),
    ...newest(release.snapshots).map((item) => line("snapshot", item.id, `${item.id} · ${item.status}`, item.status)),
  ];
}

function moment(text) {
  const at = instant(text);
  return at === null ? "" : `${dateAndClock(at)} UTC`;
}

function lineView() {
  const [kind, text] = [el("b"), el("span", "mono")];
  const node = el("li", "", kind, " ", text);
  const update = (line) => {
    setText(kind, line.kind);
    setText(text, line.text);
    setAttribute(node, "data-trouble", /^(failed|stopped|alarm|timed_out)$/i.test(line.state) ? "" : null);
  };
  return { node, update };
}
