// What the pretend GitHub, Jira, Sentry and S3 hold: releases and runs, tickets, errors, and the data of regions, each card with a sentence on top.

import { el, keyed, setAttribute, setText, show } from "./dom.js";
import { faultText, list, number, plural } from "./words.js";

const MOST = 15; // of one list
const short = (sha) => (/^[0-9a-f]{40}$/.test(String(sha)) ? String(sha).slice(0, 7) : String(sha ?? "?"));
const words = (...parts) => parts.filter(Boolean).join(" · ");

// In each, `isShown` says of a repository's or project's name whether it belongs to what the page shows.

/** Bring the section in line with GET /github: a card for each repository. */
export function paintGithub(section, github, faults, isShown) {
  paint(section, "github", faults, list(github?.repositories), isShown, (repository) => repository.name, describeRepository);
}

/** Bring the section in line with GET /jira: a card for each project. */
export function paintJira(section, jira, faults, isShown) {
  paint(section, "jira", faults, list(jira?.projects), isShown, (project) => project.key, describeProject);
}

/** Bring the section in line with GET /sentry: a card for each project. */
export function paintSentry(section, sentry, faults, isShown) {
  const key = (project) => `${project.organization}/${project.project}`;
  paint(section, "sentry", faults, list(sentry?.projects), isShown, key, describeErrors);
}

/** Bring the section in line with GET /regions: a card for each target; of the external services' faults, those of its sheet. */
export function paintRegions(section, regions, faults, isShown) {
  paint(section, "sheets", faults, list(regions?.targets), isShown, (target) => target.target, describeRegions);
}

function paint(section, name, faults, items, isShown, keyOf, describe) {
  const broken = list(faults).filter((fault) => String(fault.kind).startsWith(`${name}_`));
  const shown = items.filter((item) => isShown(keyOf(item)));
  show(section, shown.length > 0 || broken.length > 0);
  keyed(section.querySelector(".faults"), broken, (fault) => fault.id, faultView);
  const cards = shown.map((item) => ({ key: keyOf(item), ...describe(item) }));
  keyed(section.querySelector(".places"), cards, (card) => card.key, cardView);
}

function describeRepository(repository) {
  const [releases, runs, tags] = [list(repository.releases), list(repository.runs), list(repository.tags)];
  const latest = releases.find((release) => release.latest);
  const drafts = releases.filter((release) => release.draft).length;
  const running = runs.filter((run) => run.status !== "completed");
  const works = running.length ? `${plural(running.length, "workflow run")} under way` : "no workflow runs";
  return {
    title: repository.name,
    sentence: words(latest ? `latest release ${latest.tag}` : "no release", drafts && plural(drafts, "draft"), works),
    shown: running.map(runLine),
    lists: [
      ["Releases", releases.map(releaseLine)],
      ["Tags", tags.map((tag) => ({ key: tag.name, text: words(tag.name, short(tag.sha)) }))],
      ["Workflow runs", runs.map(runLine), number(repository.counts?.runs)],
      ["Commits", list(repository.commits).map((commit) => ({ key: commit.sha, text: words(short(commit.sha), commit.subject) })), number(repository.counts?.commits)],
    ],
  };
}

function releaseLine(release) {
  const kind = release.draft ? "draft" : release.prerelease ? "pre-release" : release.latest ? "latest" : "";
  const name = release.name === release.tag ? "" : release.name;
  return { key: release.id, text: words(release.tag, name, kind, `by ${release.author}`), tone: release.draft ? "changing" : "" };
}

function runLine(run) {
  const state = run.conclusion ?? String(run.status).replace("_", " ");
  const tone = run.conclusion === null ? "changing" : run.conclusion === "failure" ? "trouble" : "";
  return { key: run.id, text: words(run.workflow, `${run.event} on ${run.branch}`, short(run.sha), state), tone };
}

function describeProject(project) {
  const tickets = list(project.tickets);
  const touched = tickets.filter((ticket) => list(ticket.changes).length > 0 || list(ticket.comments).length > 0);
  const open = tickets.filter((ticket) => ticket.status !== "Done");
  return {
    title: words(project.key, project.title),
    sentence: words(`${plural(open.length, "ticket")} not done`, touched.length ? `${touched.length} changed since the beginning` : "none changed"),
    shown: touched.map(ticketLine),
    lists: [["Not done", open.map(ticketLine)], ["All tickets", tickets.map(ticketLine)]],
  };
}

function ticketLine(ticket) {
  const labels = list(ticket.labels).map((label) => `[${label}]`).join(" ");
  return { key: ticket.key, text: words(ticket.key, ticket.status, labels, ticket.summary) };
}

function describeErrors(project) {
  const issues = list(project.issues);
  const open = issues.filter((issue) => issue.status === "unresolved");
  return {
    title: `${project.organization}/${project.project}`,
    sentence: words(plural(open.length, "unresolved issue"), plural(list(project.releases).length, "release")),
    shown: issues.map(issueLine),
    lists: [["Releases", list(project.releases).map((release) => ({ key: release.version, text: words(short(release.version), list(release.deploys).join(", ")) }))]],
  };
}

function issueLine(issue) {
  const events = list(issue.counts).reduce((sum, each) => sum + (number(each.count) ?? 0), 0);
  const text = words(issue.short_id, issue.title, issue.status, plural(events, "event"), `first in ${short(issue.first_release)}`);
  return { key: issue.id, text, tone: issue.status === "unresolved" ? "" : "over" };
}

function describeRegions(target) {
  const [folders, rows] = [list(target.folders), list(target.region_config)];
  const backups = folders.filter((folder) => String(folder.uri).includes("-backup-"));
  const database = target.region_config === null ? "no region_config to look at" : plural(rows.length, "row") + " of region_config";
  return {
    title: target.target,
    sentence: words(plural(folders.length, "folder"), plural(backups.length, "backup"), database),
    shown: backups.map(folderLine),
    lists: [
      ["Folders in S3", folders.map(folderLine)],
      ["region_config", rows.map((row) => ({ key: `${row.name} ${row.version}`, text: rowText(row), tone: row.hidden || row.archived ? "over" : "" }))],
      ["Sheet", list(target.sheet).slice(1).map((cells) => ({ key: list(cells).join(), text: words(...list(cells)) }))],
    ],
  };
}

function folderLine(folder) {
  const size = `${((number(folder.bytes) ?? 0) / 1e6).toFixed(2)} MB`;
  return { key: folder.uri, text: words(folder.uri, plural(folder.objects, "object"), size) };
}

function rowText(row) {
  return words(`${row.country_code}/${row.region_code}`, row.name, row.version, row.hidden && "hidden", row.archived && "archived");
}

function cardView() {
  const title = el("h3");
  const sentence = el("p", "muted");
  const shown = el("ul", "lines");
  const lists = el("div", "lists");
  const node = el("article", "card", el("header", "head", title, sentence), shown, lists);
  const update = (card) => {
    setText(title, card.title);
    setText(sentence, `${card.sentence}.`);
    setAttribute(node, "aria-label", card.title);
    keyed(shown, card.shown.slice(0, MOST), (line) => line.key, lineView);
    show(shown, card.shown.length > 0);
    keyed(lists, card.lists.filter(([, lines]) => lines.length > 0), ([name]) => name, listView);
  };
  return { node, update };
}

function listView() {
  const name = el("summary");
  const lines = el("ul", "lines");
  const more = el("p", "muted");
  const node = el("details", "", name, lines, more);
  const update = ([title, told, count]) => {
    const all = count ?? told.length; // the sandbox tells the newest ones of a long list, and how many there are
    const shown = told.slice(0, MOST);
    setText(name, `${title} (${all})`);
    keyed(lines, shown, (line) => line.key, lineView);
    setText(more, `and ${all - shown.length} more`);
    show(more, all > shown.length);
  };
  return { node, update };
}

function lineView() {
  const node = el("li");
  const update = (line) => {
    setText(node, line.text);
    setAttribute(node, "data-tone", line.tone || null);
  };
  return { node, update };
}

function faultView() {
  const node = el("li");
  const update = (fault) => {
    const { kind, text, effect } = faultText(fault);
    setText(node, words(kind, fault.target, text, effect));
  };
  return { node, update };
}
