// What the world means, in words: pure functions from its JSON to states, ages and one plain sentence per service.

const MINUTE = 60_000;
const SAME_CHANGE = 15 * MINUTE; // a count raised in two steps is one change
const CHECKS = 3 * MINUTE; // after its boot, what a task's first passed health checks may take
const STARTING = new Set(["PROVISIONING", "PENDING", "ACTIVATING"]);
const STOPPING = new Set(["DEACTIVATING", "STOPPING", "DEPROVISIONING"]);

export const list = (value) => (Array.isArray(value) ? value.filter((item) => item !== null && item !== undefined) : []);
export const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);
export const count = (value) => number(value) ?? "–";
export const plural = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

/** Milliseconds of an ISO 8601 text or of epoch seconds; null when it is neither. */
export function instant(value) {
  if (typeof value === "string" && /^\d+(\.\d+)?$/.test(value)) value = Number(value);
  if (typeof value === "number") return value > 1e11 ? value : value * 1000;
  const parsed = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(parsed) ? null : parsed;
}

export function clock(ms, seconds = false) {
  return ms === null ? "–" : new Date(ms).toISOString().slice(11, seconds ? 19 : 16);
}

export function dateAndClock(ms) {
  return ms === null ? "–" : new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

export function duration(ms) {
  const minutes = Math.max(0, ms) / MINUTE;
  if (minutes < 1) return "<1 min";
  if (minutes < 120) return `${Math.floor(minutes)} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${Math.floor(minutes % 60)} min`;
  return `${Math.floor(minutes / 1440)} days`;
}

export function age(value, now) {
  const from = instant(value);
  return from === null || now === null ? "" : duration(now - from);
}

export const percent = (progress) => Math.floor(Math.min(1, Math.max(0, progress)) * 100);

/** `us/pa` out of `s3://bucket/regions/US/PA/2026-01-01T00:00:00Z/`. */
export function region(uri) {
  const found = /(?:^|\/)([A-Za-z]{2})\/([A-Za-z0-9]{2,3})(?:\/|$)/.exec(String(uri));
  return found ? `${found[1]}/${found[2]}`.toLowerCase() : String(uri);
}

/** The number of a task definition's revision out of `family:42` or its ARN; null when it has none. */
export function revision(definition) {
  const found = /:(\d+)$/.exec(String(definition ?? ""));
  return found ? Number(found[1]) : null;
}

export const shortId = (task) => String(task.id ?? task.arn ?? "?").split("/").pop().slice(0, 8);

/** Where a task stands: starting, loading, checking, healthy, running, unhealthy, stopping or stopped. */
export function stateOf(task, service, now) {
  const status = String(task.status ?? "").toUpperCase();
  if (status === "STOPPED") return "stopped";
  if (STOPPING.has(status) || task.desired_status === "STOPPED" || task.health === "draining") return "stopping";
  if (STARTING.has(status)) return "starting";
  const progress = number(task.progress);
  // failing checks are normal while regions load: the load says more than the load balancer does
  if (progress !== null && progress < 1 && task.health !== "healthy") return "loading";
  if (task.health === "healthy") return "healthy";
  if (task.health === "unhealthy") return booting(task, service, now) ? "checking" : "unhealthy";
  return task.health === "initial" || task.health === "unused" ? "checking" : "running";
}

/** Whether a task is so young that a load balancer which calls it unhealthy has only not seen it healthy yet. */
function booting(task, service, now) {
  const [usual, started] = [number(service.boot_seconds), instant(task.started_at) ?? instant(task.created_at)];
  return usual !== null && started !== null && now !== null && now - started < usual * 1300 + CHECKS;
}

/** When the service last changed: a deployment began, or its desired count was raised. */
export function lastChange(service, points) {
  const deployments = list(service.deployments);
  const primary = deployments.find((deployment) => deployment.status === "PRIMARY") ?? deployments[0];
  let raised = null;
  let latest = null;
  points.forEach((point, i) => {
    const before = points[i - 1]?.desired ?? 0;
    if (before > point.desired) latest = null;
    if (before > 0 && point.desired > before) {
      raised = latest !== null && point.at - latest < SAME_CHANGE ? raised : point.at;
      latest = point.at;
    }
  });
  const times = [instant(primary?.created_at), raised].filter((at) => at !== null);
  return { at: times.length ? Math.max(...times) : null, deployment: deployments.length > 1 ? primary?.id : null };
}

/** The task definition that a service returned to, if one of its tasks still is, or was lately, of a later revision; otherwise null. */
function returnedTo(service, tasks) {
  const deployments = list(service.deployments);
  const primary = deployments.find((deployment) => deployment.status === "PRIMARY")?.task_definition ?? service.task_definition;
  const home = revision(primary);
  return home !== null && tasks.some((task) => revision(task.task_definition) > home) ? primary : null;
}

/**
 * Split tasks into old and new around the last change, or, after a rollback, into those of the revision that was left
 * ("withdrawn") and of the one that is back; without both, they are all simply "current".
 */
export function byAge(service, points, now) {
  const change = lastChange(service, points);
  const tasks = list(service.tasks).map((task) => ({ ...task, state: stateOf(task, service, now), created: instant(task.created_at) }));
  const returned = returnedTo(service, tasks);
  const isOld = (task) =>
    returned !== null
      ? revision(task.task_definition) !== revision(returned)
      : (change.deployment && task.deployment && task.deployment !== change.deployment) ||
        (change.at !== null && task.created !== null && task.created < change.at - 1000);
  tasks.sort((a, b) => (a.created ?? 0) - (b.created ?? 0) || shortId(a).localeCompare(shortId(b)));
  const old = tasks.filter(isOld);
  const both = old.length > 0 && old.length < tasks.length;
  for (const task of tasks) {
    task.age = both ? (isOld(task) ? "old" : "new") : "current";
    task.kind = returned === null ? task.age : { old: "withdrawn", new: "back", current: "current" }[task.age];
  }
  return { tasks, both, changedAt: change.at, returned };
}

function loadRange(loading) {
  const shares = loading.map((task) => percent(number(task.progress) ?? 0));
  const [low, high] = [Math.min(...shares), Math.max(...shares)];
  return high - low < 5 ? `${low} %` : `${low} to ${high} %`;
}

function minutesLeft(loading, now) {
  const left = loading.map((task) => {
    const progress = number(task.progress);
    const started = instant(task.started_at) ?? task.created;
    return progress > 0.05 && started !== null && now !== null ? ((now - started) * (1 - progress)) / progress : null;
  });
  return left.includes(null) ? null : Math.max(...left);
}

/** What tasks of an age are called in a sentence: "withdrawn" and "restored" after a rollback. */
function wordOf(age, tasks) {
  const kind = tasks.find((task) => task.age === age)?.kind ?? age;
  return kind === "back" ? "restored" : kind;
}

const STRATEGIES = { BLUE_GREEN: "Blue/green", CANARY: "Canary", LINEAR: "Linear" };
const ONGOING = new Set(["PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"]);
const spoken = (name) => String(name ?? "").toLowerCase().replaceAll("_", " ");

/** Say where the traffic of a service is whose traffic ECS itself shifts; empty if it has nothing to say. */
export function traffic(service) {
  const latest = list(service.service_deployments)[0];
  const strategy = STRATEGIES[latest?.strategy];
  if (!strategy || latest.status === "SUCCESSFUL") return "";
  const why = latest.reason ? `: ${latest.reason}` : "";
  if (!ONGOING.has(latest.status)) return `The last ${strategy.toLowerCase()} deployment ended: ${spoken(latest.status)}${why}`;
  const stage = latest.stage ? `, stage ${spoken(latest.stage)}` : "";
  return `${strategy} deployment ${spoken(latest.status)}${stage}: ${latest.traffic ?? 0} % of the traffic is on its new tasks.`;
}

/** Say how a service is: {sentence, detail, tone: "steady" | "changing" | "trouble"}. */
export function describe(service, tasks, now) {
  const of = (...states) => tasks.filter((task) => states.includes(task.state));
  const [loading, checking, starting] = [of("loading"), of("checking"), of("starting")];
  const [unhealthy, stopping] = [of("unhealthy"), of("stopping")];
  const alive = tasks.filter((task) => task.state !== "stopped" && task.state !== "stopping");
  const good = alive.length > 0 && alive.every((task) => (task.health ?? "none") === "none") ? "running" : "healthy";
  const healthy = (good === "healthy" ? number(service.healthy) : null) ?? of("healthy", "running").length;
  const wanted = number(service.desired);
  if (wanted === null) return { sentence: "The sandbox says nothing about this service's count.", detail: "", tone: "changing" };

  const parts = [];
  if (loading.length) parts.push(`${loading.length} loading (${loadRange(loading)})`);
  if (checking.length) parts.push(`${checking.length} waiting for health checks`);
  if (starting.length) parts.push(`${starting.length} starting`);
  if (unhealthy.length) parts.push(`${unhealthy.length} unhealthy`);
  const missing = wanted - alive.length;
  if (missing > 0) parts.push(`${missing} not started`);
  if (stopping.length) {
    const kind = stopping.every((task) => task.age === "old") ? `${stopping[0].kind} task` : "task";
    parts.push(`stopping ${plural(stopping.length, kind)}`);
  }
  const failed = list(service.deployments).find((deployment) => deployment.rollout_state === "FAILED");
  const rolling = list(service.deployments).some((deployment) => deployment.rollout_state === "IN_PROGRESS");
  const facts = { healthy, wanted, good, parts, rolling, missing, failed, loading, unhealthy, stopping };
  const stuck = unhealthy.length > 0 || failed || (wanted > 0 && healthy === 0);
  const settled = !parts.length && healthy === wanted && !rolling;
  return {
    sentence: sentence(facts),
    detail: detail(facts, service, tasks, now),
    tone: stuck ? "trouble" : settled ? "steady" : "changing",
  };
}

function sentence({ healthy, wanted, good, parts, rolling }) {
  if (wanted === 0 && healthy === 0 && !parts.length) return "0 wanted, none running.";
  if (!parts.length && healthy === wanted) {
    return `${healthy} ${good} of ${wanted} wanted, ${rolling ? "deployment not completed yet" : "steady"}.`;
  }
  const extra = healthy - wanted;
  if (extra > 0 && !parts.length) return `${wanted} wanted: ${healthy} ${good}, ${extra} more than wanted.`;
  return `${wanted} wanted: ${[`${healthy} ${good}`, ...parts].join(", ")}.`;
}

function detail(facts, service, tasks, now) {
  const { healthy, wanted, failed, loading, unhealthy, stopping, missing } = facts;
  if (failed) return `A deployment failed: ${failed.rollout_reason || "no reason given"}.`.replace(/\.\.$/, ".");
  const serving = (kind) => tasks.filter((task) => task.age === kind && ["healthy", "running"].includes(task.state)).length;
  const [old, fresh] = [serving("old"), serving("new")];
  const said = [];
  if (wanted > 0 && healthy === 0) said.push("Nothing serves right now.");
  if (old && tasks.some((task) => task.age === "new" && ["starting", "loading", "checking"].includes(task.state))) {
    const word = wordOf("old", tasks);
    said.push(`${old === 1 ? `The ${word} task keeps` : `The ${old} ${word} tasks keep`} serving meanwhile.`);
  }
  if (loading.length) {
    const slowest = loading.reduce((a, b) => ((number(b.progress) ?? 0) < (number(a.progress) ?? 0) ? b : a));
    const left = minutesLeft(loading, now);
    const where = list(slowest.loading).length ? `, at ${region(list(slowest.loading)[0])}` : "";
    const failing = loading.some((task) => task.health === "unhealthy") ? "; until then failing health checks are normal" : "";
    said.push(`Slowest load: ${shortId(slowest)}${where}${left === null ? "" : `, about ${duration(Math.max(left, MINUTE))} to go`}${failing}.`);
  } else if (old && fresh && !facts.parts.length && healthy > 0) {
    const [before, after] = [wordOf("old", tasks), wordOf("new", tasks)];
    const ready = fresh === 1 ? `The ${after} task is` : `All ${fresh} ${after} tasks are`;
    said.push(`${ready} healthy; ${old === 1 ? `1 ${before} task still serves` : `${old} ${before} tasks still serve`}.`);
  } else if (healthy > 0 && stopping.some((task) => task.health === "draining")) {
    const who = fresh ? plural(fresh, `${wordOf("new", tasks)} task`) : plural(healthy, "task");
    said.push(`${who} ${(fresh || healthy) === 1 ? "serves" : "serve"}; the stopping ones finish their open connections first.`);
  }
  if (unhealthy.length) said.push("ECS replaces a task that stays unhealthy beyond its grace period.");
  if (missing > 0) {
    const event = list(service.events).find((item) => /unable to place/i.test(item.message ?? ""));
    if (event) said.push("ECS has found no instance with room for what is missing yet.");
  }
  if (!said.length && healthy > wanted) said.push("ECS stops what is above the wanted count; protected tasks are spared.");
  return said.join(" ");
}

/** What a fault does, in words: {kind, text, effect}; an unknown kind shows its fields as they are. */
export function faultText(fault) {
  const { id, kind, target, service, injected, ...fields } = fault;
  const said = {
    never_healthy: "new tasks never pass the health check",
    slow: `new tasks take ${fields.factor ?? "several"} times as long to boot`,
    topology_errors: `loading ${fields.region ?? "a region"} fails ${fields.times ?? "some"} times in each new task`,
    lifecycle_hook: fields.how === "hangs" ? "the deployment's Lambda hook never answers" : "the deployment's Lambda hook fails",
    rollback_fails: "ECS does not get the old tasks back",
    crash: `new tasks exit with code ${fields.exit_code ?? "?"} after ${fields.after_seconds ?? "?"} simulated seconds`,
    slack_down: "Slack closes each connection without an answer",
    slack_slow: `Slack answers ${fields.seconds ?? "?"} s late`,
    slack_rate_limit: `Slack answers ${fields.times ?? "some"} calls with "too many requests"`,
    slack_html: "Slack answers with a page",
    slack_lost_answer: `the answer to ${fields.times ?? "some"} messages gets lost`,
    github_error: `GitHub answers ${fields.times ?? "some"} ${fields.method ?? ""} calls with ${fields.status ?? 502}`.replace("  ", " "),
    github_lost_answer: `the answer to ${fields.times ?? "some"} writes on GitHub gets lost`,
    github_rate_limit: `GitHub answers ${fields.times ?? "some"} calls with its ${fields.limit ?? ""} rate limit`,
    github_checks: `checks ${fields.commit ? `of ${fields.commit}` : "of every commit"} are ${fields.state ?? "not green"}`,
    github_workflow_running: `${fields.workflow ?? "a workflow"} runs and does not end`,
    github_workflow_fails: `${fields.times ?? "some"} runs of ${fields.workflow ?? "any workflow"} fail`,
    github_publish_ignored: "GitHub accepts the publication of a draft and leaves it one",
    jira_down: fields.status ? `Jira answers with ${fields.status}` : "Jira closes each connection without an answer",
    jira_rate_limit: `Jira answers ${fields.times ?? "some"} calls with "too many requests"`,
    jira_lost_answer: `the answer to ${fields.times ?? "some"} writes in Jira gets lost`,
    jira_second_way: `another transition, ${fields.name ?? "?"}, leads to Done in Jira`,
    jira_write_ignored: `Jira accepts ${fields.what ?? "writes"} and changes nothing`,
    sheets_down: fields.status ? `Google Sheets answers with ${fields.status}` : "Google Sheets closes each connection without an answer",
    sheets_rate_limit: `Google Sheets answers ${fields.times ?? "some"} calls with "quota exceeded"`,
    sheets_denied: "Google Sheets refuses the service account",
    sheets_lost_answer: `the answer to ${fields.times ?? "some"} writes in Google Sheets gets lost`,
    object_denied: `no object whose key ends with ${fields.key ?? "?"} may be read or written`,
    object_replaced: `an object whose key ends with ${fields.key ?? "?"} is replaced when copy ${fields.after ?? "?"} of its folder comes`,
    object_archived: `objects whose key ends with ${fields.key ?? "?"} are ${fields.state ?? "archived"} in ${fields.class ?? "an archive"}`,
    deletion_ignored: `S3 says that it deletes objects whose key ends with ${fields.key ?? "?"}, and keeps them`,
    copy_breaks: `${fields.times ?? "some"} copies inside S3 break after their 200`,
    copies_slow: `each copy inside S3 takes ${fields.milliseconds ?? "many"} ms`,
    database_away: "its PostgreSQL refuses every connection",
    database_denied: "its PostgreSQL refuses the password of the runbooks",
    sentry_down: fields.status ? `Sentry answers with ${fields.status}` : "Sentry closes each connection without an answer",
    sentry_rate_limit: `Sentry answers ${fields.times ?? "some"} calls with "too many requests"`,
    sentry_spike: `release ${String(fields.release ?? "?").slice(0, 7)} has ${fields.issues ?? "some"} new issues`,
    sentry_reopened: `release ${String(fields.release ?? "?").slice(0, 7)} meets a resolved error again`,
    sentry_environment_renamed: `Sentry calls its environment ${fields.name ?? "something else"}`,
    slow_pages: `the performance test measures ${fields.milliseconds ?? "many"} ms a request`,
    one_off_exits: `one-off tasks exit with code ${fields.exit_code ?? "?"}`,
    one_off_sidecar: `container ${fields.name ?? "?"} of one-off tasks exits with code ${fields.exit_code ?? "?"}`,
    one_off_slow: `one-off tasks take ${fields.seconds ?? "many"} simulated seconds`,
    one_off_cannot_be_placed: "one-off tasks find no capacity",
    one_off_stopped_by_aws: `AWS stops one-off tasks (${fields.code ?? "?"})`,
    buildx_index: `images are built as an index with attestations (${fields.architectures ?? "?"})`,
    platform_digest: "ECS reports the digest of the platform's image, where an index was pulled",
    bad_image: "tasks of a new image fail",
    tag_moved: `tag ${fields.tag ?? "of what runs"} is on another image now`,
    deployment_rolls_back: "ECS rolls the deployment back",
    image_scan: `the scan finds ${fields.findings ?? "some"} ${String(fields.severity ?? "").toLowerCase()} problems`,
    alarm: `alarm ${fields.name ?? "of the target"} is ${fields.state ?? "in ALARM"}`,
    refused: `AWS refuses ${fields.action ?? fields.api ?? "every call"} (${fields.code ?? "?"})`,
    snapshot_quota: `the account may have ${fields.max ?? "?"} manual snapshots`,
    database_in_cluster: `its database is a member of cluster ${fields.cluster ?? "?"}`,
    group_max: `the scaling group's maximum is ${fields.max ?? "changed"}`,
  }[kind];
  const raw = Object.entries(fields).filter(([, value]) => value !== null);
  const text = said ?? raw.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(", ");
  const times = number(injected);
  const effect = times === null ? "" : times === 0 ? "no effect yet" : `took effect ${times === 1 ? "once" : `${times} times`}`;
  return { kind: String(kind ?? "of no kind"), text: [text, service ? `on ${service}` : ""].filter(Boolean).join(", "), effect };
}
