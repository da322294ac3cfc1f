// The page: asks the sandbox how the world is, twice a second while somebody looks, and keeps the cards in line with it.

import { el, keyed, setAttribute, setText, show } from "./dom.js";
import { paintGithub, paintJira, paintRegions, paintSentry } from "./external-services.js";
import { paintSlack } from "./slack.js";
import { targetView } from "./target.js";
import { byAge, count, dateAndClock, describe, instant, list, number, plural } from "./words.js";

const EVERY = 500; // ms between two questions
const TIMEOUT = 5000; // ms for one answer
const EXTERNAL_SERVICES_EVERY = 2000; // they change seldom, and tell much
const HISTORY_EVERY = 10_000; // a reset that ends in the same counts shows up after this

const at = (id) => document.getElementById(id);
const histories = new Map(); // "target service" -> {points, counts, asked}
let world = null;
let slack = null;
let externalServices = { asked: -Infinity };
let timer = null;
let asking = false;
let answeredAt = performance.now();

const focused = () => {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
};

async function ask(path) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
  if (!response.ok) throw new Error(`it answered ${path.split("?")[0]} with HTTP ${response.status}`);
  return response.json().catch(() => {
    throw new Error(`it answered ${path.split("?")[0]} with something that is not JSON`);
  });
}

async function look() {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  asking = true;
  try {
    const seen = await ask("/world");
    slack = await ask("/slack");
    await visit();
    const [before, now] = [instant(world?.now), instant(seen?.now)];
    if (before !== null && now !== null && now < before) histories.clear(); // the world was built again
    world = seen;
    answeredAt = performance.now();
    await Promise.all(visible().flatMap((target) => list(target.services).map((service) => remember(target, service))));
    tell(paint());
  } catch (error) {
    tell(error.message.startsWith("it answered") ? error.message : `nothing answers at ${location.host}`);
  }
  asking = false;
  timer = setTimeout(look, EVERY);
}

/** Poll GitHub, Jira, Sentry and the region data, less often than the world. */
async function visit() {
  if (performance.now() - externalServices.asked < EXTERNAL_SERVICES_EVERY) return;
  const [github, jira, sentry, regions] = await Promise.all([ask("/github"), ask("/jira"), ask("/sentry"), ask("/regions")]);
  externalServices = { github, jira, sentry, regions, asked: performance.now() };
}

/** Ask for a service's history when its counts moved, and now and then. */
async function remember(target, service) {
  const key = `${target.name} ${service.name}`;
  const counts = [service.healthy, service.running, service.desired].join();
  const known = histories.get(key);
  if (known && known.counts === counts && performance.now() - known.asked < HISTORY_EVERY) return;
  const entry = { points: known?.points ?? [], counts, asked: performance.now() };
  histories.set(key, entry);
  const query = new URLSearchParams({ target: target.name, service: service.name });
  try {
    const answer = await ask(`/timeline?${query}`);
    entry.points = list(answer.points)
      .map(({ at, healthy, running, desired }) => ({
        at: instant(at),
        healthy: number(healthy) ?? 0,
        running: number(running) ?? 0,
        desired: number(desired) ?? 0,
      }))
      .filter((point) => point.at !== null)
      .sort((a, b) => a.at - b.at);
  } catch {
    entry.counts = null; // the chart waits for the next round; the rest of the page is right without it
  }
}

/** Every target, those that serve first. */
function everyTarget() {
  const targets = list(world?.targets).filter((target) => target.name);
  const serves = (target) => list(target.services).length > 0;
  return [...targets.filter(serves), ...targets.filter((target) => !serves(target))];
}

/** The targets that the page shows: the one in the address, or all that the search finds. */
function visible() {
  const all = everyTarget();
  const chosen = all.filter((target) => target.name === focused());
  return chosen.length ? chosen : all.filter((target) => matches(target, sought()));
}

const sought = () => at("search").value.trim().toLowerCase();
const systemOf = (name) => String(name).split("/")[0];

function matches(target, text) {
  const { name, title, account, region, cluster, services, uses } = target;
  const known = [name, title, account, region, cluster, ...list(services).map((service) => service.name), ...Object.values(uses ?? {}).flat()];
  const line = known.filter(Boolean).join(" ").toLowerCase();
  return text.split(/\s+/).every((word) => line.includes(word));
}

/** Show the world; answers what went wrong, or null. */
function paint() {
  try {
    paintWorld();
    return null;
  } catch (error) {
    console.error(error); // one odd value must not end the watching: the next answer may be whole again
    return `it answered something this page cannot show (${error.message})`;
  }
}

function paintWorld() {
  const now = instant(world?.now);
  const all = everyTarget();
  const shown = visible();
  const alone = shown.length === 1 && shown[0].name === focused();
  setText(at("now"), dateAndClock(now));
  setText(at("speed"), number(world?.speed) === null ? "–" : `${world.speed} × real time`);
  const stray = focused() && !alone;
  const found = sought() ? `No target matches “${sought()}”.` : "The inventory names no targets.";
  setText(at("note"), stray ? `No target is called ${focused()}.` : found);
  show(at("note"), Boolean(stray) || shown.length === 0);
  const systems = new Set(all.map((target) => systemOf(target.name)));
  const everything = `${plural(all.length, "target")} of ${plural(systems.size, "system")}`;
  setText(at("counts"), shown.length === all.length ? everything : `${shown.length} of ${everything}`);

  const pointsOf = (target) => (service) => histories.get(`${target.name} ${service.name}`)?.points ?? [];
  const faultsOf = (target) => list(world?.faults).filter((fault) => fault.target === target.name);
  const states = shown.map((target) => ({ target, faults: faultsOf(target), pointsOf: pointsOf(target), now, detailed: alone }));
  keyed(at("cards"), states, (state) => state.target.name, (state) => targetView(state.target));

  // the external services show what the targets on the page use; a system shares its own with all its environments
  const whole = shown.length === all.length;
  const isUsed = (service) => {
    const used = new Set(shown.flatMap((target) => list(target.uses?.[service])));
    return (name) => whole || used.has(name);
  };
  const near = new Set(shown.map((target) => systemOf(target.name)));
  const faults = list(world?.faults).filter((fault) => whole || !fault.target || near.has(systemOf(fault.target)));
  paintSlack(at("slack"), slack, faults, isUsed("slack"));
  paintGithub(at("github"), externalServices.github, faults, isUsed("github"));
  paintJira(at("jira"), externalServices.jira, faults, isUsed("jira"));
  paintSentry(at("sentry"), externalServices.sentry, faults, isUsed("sentry"));
  paintRegions(at("regions"), externalServices.regions, faults, isUsed("regions"));
  navigation(all, shown, now, pointsOf, faultsOf, alone);
  const told = alone ? list(shown[0].services).map((service) => `${count(service.healthy)}/${count(service.desired)}`).join(" ") : "";
  const title = alone ? `${told} healthy · ${shown[0].name}` : "Pretend cloud";
  if (document.title !== title) document.title = title;
}

/** Link every system's targets, those of the search only while there is one. */
function navigation(all, shown, now, pointsOf, faultsOf, alone) {
  const everything = at("everything");
  setText(everything, `All ${plural(all.length, "target")}`);
  setAttribute(everything, "aria-current", !alone && !sought() ? "page" : null);
  const linked = alone ? all : shown;
  const chips = linked.map((target) => {
    const tones = list(target.services).map((service) => describe(service, byAge(service, pointsOf(target)(service), now).tasks, now).tone);
    const tone = ["trouble", "changing"].find((one) => tones.includes(one)) ?? "steady";
    const notes = [{ trouble: "needs a look", changing: "changing" }[tone], faultsOf(target).length && "fault"];
    return { name: target.name, tone, note: notes.filter(Boolean).join(", "), current: alone && target.name === focused() };
  });
  const systems = [...new Set(chips.map((chip) => systemOf(chip.name)))].map((name) => ({ name, chips: chips.filter((chip) => systemOf(chip.name) === name) }));
  keyed(at("systems"), systems, (system) => system.name, systemView);
}

function systemView(system) {
  const chips = el("span", "chips");
  const node = el("li", "", el("span", "muted", system.name), chips);
  return { node, update: (now) => keyed(chips, now.chips, (chip) => chip.name, chipView) };
}

function chipView() {
  const name = el("span");
  const note = el("span", "muted");
  const node = el("a", "", name, note);
  const update = (chip) => {
    setAttribute(node, "href", `#${chip.name}`);
    setAttribute(node, "data-tone", chip.tone);
    setAttribute(node, "aria-label", [chip.name, chip.note].filter(Boolean).join(", "));
    setAttribute(node, "aria-current", chip.current ? "page" : null);
    setText(name, chip.name.split("/").slice(1).join("/") || chip.name);
    setText(note, chip.note ? ` ${chip.note}` : "");
  };
  return { node, update };
}

/** Say above everything that what is shown is not now; null when it is. */
function tell(why) {
  const banner = at("banner");
  document.body.classList.toggle("stale", why !== null);
  show(banner, why !== null);
  if (why === null) return;
  const old = world ? ` What you see is from ${dateAndClock(instant(world.now))} simulated time.` : "";
  const silent = Math.floor((performance.now() - answeredAt) / 10_000) * 10;
  const since = silent ? ` for ${silent} s` : "";
  setText(banner, `The sandbox does not answer${since}: ${why}.${old} Still trying; start it with "make sandbox" if it was stopped.`);
}

document.addEventListener("visibilitychange", look); // a hidden page asks nothing
addEventListener("hashchange", () => {
  if (focused()) at("search").value = ""; // one target is shown, whatever was sought
  if (world) tell(paint());
  scrollTo(0, 0);
  look();
});
at("everything").addEventListener("click", () => {
  at("search").value = "";
  if (world) tell(paint());
});
at("search").addEventListener("input", () => {
  if (focused()) history.replaceState(null, "", location.pathname);
  if (world) tell(paint());
});
at("search").addEventListener("keydown", (event) => {
  const first = visible()[0];
  if (event.key === "Enter" && sought() && first) location.hash = first.name;
});
look();
