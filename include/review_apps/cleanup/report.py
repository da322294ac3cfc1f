"""What a clean-up says at its end: what it found, did and saved, and loudly what an event of GitHub should have done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from include.review_apps.cleanup.model import Decision, Found

DOING = {
    "warn": ("warned", "would warn"),
    "sleep": ("sent to sleep", "would send to sleep"),
    "wake": ("woken", "would wake"),
    "tear_down": ("teardowns started", "would tear down"),
    "deploy": ("deployments started", "would deploy"),
    "held": ("not done now", "not done now"),
    "left_alone": ("left alone", "would leave alone"),
}
NAMED = 20  # of one kind
MENDED = "AN EVENT OF GITHUB WAS LOST OR NOT CARRIED OUT. Look at the webhook's recent deliveries. Mended:"


@dataclass(frozen=True)
class Report:
    """The text of a clean-up. `mended` are the sentences that people must hear of, `unknown` the lists that somebody has to mend."""

    text: str
    mended: tuple[str, ...]
    unknown: tuple[str, ...]


def report(
    name: str,
    found: Found,
    decisions: Sequence[Decision],
    *,
    acting: bool,
    redelivered: Sequence[str] = (),
    saved_hours: float = 0.0,
    asleep: int = 0,
    ended_early: str = "",
) -> Report:
    """Return the report of a clean-up, or of what one would do."""
    mended = tuple(f"{decision.app}: {decision.why}." for decision in decisions if decision.mends)
    lines = [f"{name}: {_counts(found)}."]
    if found.unknown:
        lines.append(f"Nothing is deleted or deployed, since {'; '.join(found.unknown)}.")
    if ended_early:
        lines.append(f"Not all of it was done: {ended_early}")
    if mended:
        lines += [MENDED if acting else MENDED.replace("Mended", "It would mend"), *(f"- {each}" for each in mended)]
    if redelivered:
        lines.append(f"Failed deliveries of GitHub that it asked for again: {len(redelivered)}.")
        lines += [f"- {each}" for each in redelivered]
    for kind, words in DOING.items():
        these = [decision for decision in decisions if decision.kind == kind]
        if these:
            lines.append(f"{words[0 if acting else 1].capitalize()}: {len(these)}.")
            lines += [f"- {each.app}: {each.why}." for each in these[:NAMED]]
            lines += [f"- and {len(these) - NAMED} more."] if len(these) > NAMED else []
    calm = sum(decision.kind == "nothing" for decision in decisions)
    lines.append(f"As they should be: {calm}. Asleep: {asleep}, which saved about {saved_hours:.0f} hours of tasks.")
    return Report("\n".join(lines), mended, tuple(_to_mend(found)))


def _counts(found: Found) -> str:
    lists = {
        "open pull requests": (len(found.pulls.items), found.pulls.unknown),
        "Terraform workspaces": (len(found.workspaces.items), found.workspaces.unknown),
        "ECS clusters": (len(found.clusters.items), found.clusters.unknown),
        "databases": (len(found.databases.items), found.databases.unknown),
        "images": (len(found.images.items), found.images.unknown),
    }
    return ", ".join(f"unknown {what}" if unknown else f"{count} {what}" for what, (count, unknown) in lists.items())


def _to_mend(found: Found) -> Iterable[str]:
    for each in (found.pulls, found.workspaces, found.clusters, found.databases, found.images):
        if each.unknown and not each.rests:
            yield each.unknown
