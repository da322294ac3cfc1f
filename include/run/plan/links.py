"""Links in a plan: the pages of the commits, tickets, images and runs that its texts name by their short ids."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from include.text import canonical_json, one_line

Links = Sequence[Sequence[str]]  # what is named, as a regular expression, and its address; {} in it is what was found

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
SHORT = len("sha256:") + 12


@dataclass(frozen=True)
class Places:
    """Where people look at what a plan names. A place that is not known is empty, and nothing is linked to it."""

    airflow: str = ""
    github: str = ""  # the page of the target's repository
    jira: str = ""
    jira_project: str = ""
    registry: str = ""  # the page of the target's repository of images, up to the digest
    region: str = ""  # of that repository


def find_links(plan: Mapping[str, Any], places: Places) -> list[list[str]]:
    """Return the links of a plan that was dumped to JSON values."""
    found: list[list[str]] = []
    if places.github:
        commit, previous = str(plan.get("commit") or ""), str(plan.get("previous") or "")
        if commit and previous:
            address = f"{places.github}/compare/{quote(previous)}...{commit}"
            found.append([rf"\bsince {re.escape(previous)}(?![\w.])", address])
        if commit:
            found.append([rf"(?<![:\w]){commit[:12]}[0-9a-f]*(?!\w)", f"{places.github}/commit/{commit}"])
            # how a plan lists commits: their first digits, then their subject
            found.append([r"(?:^|(?<=: )|(?<=; ))[0-9a-f]{7}(?= )", f"{places.github}/commit/{{}}"])
    if places.jira and places.jira_project:
        found.append([rf"\b{re.escape(places.jira_project)}-[1-9][0-9]*\b", f"{places.jira}/browse/{{}}"])
    if places.registry:
        for digest in dict.fromkeys(DIGEST.findall(canonical_json(plan))):
            found.append([rf"{digest[:SHORT]}[0-9a-f]*", f"{places.registry}/{digest}/details?region={places.region}"])
    if places.airflow and "/" in (run := str(plan.get("proved_by") or "")):
        dag_id, _, run_id = run.partition("/")
        address = f"{places.airflow}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}/plugin/summary"
        found.append([re.escape(run), address])
    return found


def linked(text: str, links: Links, escape: Callable[[str], str], link: Callable[[str, str], str]) -> str:
    """Return a text on one line, escaped, with its links. `link` makes one of an address and an escaped label."""
    flat = one_line(text)
    if not links:
        return escape(flat)
    # no pattern of ours has a group, so each alternative is one group
    pattern = re.compile("|".join(f"({each[0]})" for each in links))
    parts, end = [], 0
    for match in pattern.finditer(flat):
        address = links[(match.lastindex or 1) - 1][1].replace("{}", match[0])
        parts += [escape(flat[end : match.start()]), link(address, escape(match[0]))]
        end = match.end()
    return "".join([*parts, escape(flat[end:])])
