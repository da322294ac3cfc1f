// What the pretend Slack holds: each channel with its threads, as an operator reads them.

import { el, keyed, setAttribute, setText, show } from "./dom.js";
import { clock, faultText, instant, list } from "./words.js";

const EMOJI = {
  arrow_forward: "▶", clock3: "🕒", gear: "⚙", hourglass_flowing_sand: "⏳", information_source: "ℹ", memo: "📝",
  no_entry: "⛔", octagonal_sign: "🛑", point_right: "👉", raised_hand: "✋", raising_hand: "🙋", sos: "🆘", thumbsup: "👍",
  white_check_mark: "✅", x: "❌",
};

/** Bring the section in line with GET /slack; `isShown` says of a `workspace/channel` whether it belongs to what the page shows. */
export function paintSlack(section, slack, faults, isShown) {
  const channels = list(slack?.workspaces)
    .flatMap((workspace) => list(workspace.channels).map((channel) => ({ ...channel, workspace: workspace.name })))
    .filter((channel) => isShown(`${channel.workspace}/${channel.name}`));
  const speaks = (channel) => list(channel.messages).length > 0;
  const broken = list(faults).filter((fault) => String(fault.kind).startsWith("slack_"));
  show(section, channels.length > 0 || broken.length > 0);
  keyed(section.querySelector(".faults"), broken, (fault) => fault.id, faultView);
  keyed(section.querySelector(".channels"), channels.filter(speaks), (channel) => channel.id, channelView);
  show(section.querySelector(".times"), channels.some(speaks));
  const silent = channels.filter((channel) => !speaks(channel)).map((channel) => `#${channel.name}`);
  setText(section.querySelector(".silent"), silent.length ? `No message yet in ${silent.join(", ")}.` : "");
}

function faultView() {
  const node = el("li");
  const update = (fault) => {
    const { kind, text, effect } = faultText(fault);
    setText(node, [kind, text, effect].filter(Boolean).join(", "));
  };
  return { node, update };
}

function channelView() {
  const name = el("h3");
  const messages = el("ol", "messages");
  const node = el("article", "card channel", el("header", "head", name), messages);
  const update = (channel) => {
    setText(name, `#${channel.name} · ${channel.workspace}`);
    setAttribute(node, "aria-label", `Slack channel ${channel.name}`);
    keyed(messages, [...list(channel.messages)].reverse(), (message) => message.ts, threadView);
  };
  return { node, update };
}

function threadView() {
  const text = el("p");
  const when = el("time", "muted");
  const count = el("summary");
  const replies = el("ol");
  const thread = el("details", "", count, replies);
  const node = el("li", "", when, text, thread);
  const update = (message) => {
    write(text, message.text);
    setText(when, clock(instant(message.at)));
    const answers = list(message.replies).length;
    setText(count, answers === 1 ? "1 reply" : `${answers} replies`);
    show(thread, list(message.replies).length > 0);
    keyed(replies, list(message.replies), (reply) => reply.ts, replyView);
  };
  return { node, update };
}

function replyView() {
  const when = el("time", "muted");
  const text = el("p");
  const node = el("li", "", when, text);
  const update = (reply) => {
    setText(when, clock(instant(reply.at)));
    write(text, reply.text);
  };
  return { node, update };
}

/** Write Slack's markup as text, with its links as links; nothing in it becomes HTML. */
function write(node, given) {
  const source = String(given ?? "");
  if (node.dataset.source === source) return;
  node.dataset.source = source;
  node.replaceChildren(
    ...source.split(/(<[^>]*>)/).map((part) => {
      const found = /^<(https?:[^|>]*)\|?([^>]*)>$/.exec(part);
      if (!found) return plain(part);
      const anchor = el("a", "", plain(found[2] || found[1]));
      anchor.href = plain(found[1]);
      return anchor;
    }),
  );
}

function plain(text) {
  return text
    .replace(/:([a-z_0-9]+):/g, (whole, name) => EMOJI[name] ?? whole)
    .replace(/\*([^*\n]+)\*/g, "$1")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
