"""What an inventory relies on elsewhere: people, Airflow connections, Slack channels. What nobody has is named."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from include.inventory.loader import Inventory
from include.inventory.target import Target


@dataclass(frozen=True)
class Needs:
    """Each by its name, with the targets that rely on it. `channels` are by the connection of their workspace, too."""

    approvers: Mapping[str, list[str]]
    connections: Mapping[str, list[str]]
    channels: Mapping[tuple[str, str], list[str]]


def needs_of(inventory: Inventory) -> Needs:
    """Return what all targets rely on, in the order of the files."""
    approvers: dict[str, list[str]] = {}
    connections: dict[str, list[str]] = {}
    channels: dict[tuple[str, str], list[str]] = {}
    for target in inventory.with_samples:
        for name in target.environment.approval.approvers:
            approvers.setdefault(name, []).append(target.name)
        for name in dict.fromkeys(_connections(target)):
            connections.setdefault(name, []).append(target.name)
        if target.slack_conn_id and target.environment.slack_channel:
            channels.setdefault((target.slack_conn_id, target.environment.slack_channel), []).append(target.name)
    return Needs(approvers, connections, channels)


def _connections(target: Target) -> Iterable[str]:
    place = target.environment
    yield target.aws_conn_id
    yield from filter(None, (target.slack_conn_id, target.github_conn_id, target.jira_conn_id, target.sentry_conn_id))
    if place.terraform and target.infrastructure_conn_id:
        yield target.infrastructure_conn_id
        if place.terraform.drift_check or place.promotion:
            yield target.reading_conn_id
    if place.database:
        yield place.database.connection
    if place.review_app:
        yield place.review_app.database.connection
    if place.region_data and place.region_data.sheet:
        yield place.region_data.sheet.connection


def lacking(
    needs: Needs,
    users: Collection[str] | None,
    connections: Collection[str],
    channels: Mapping[str, Collection[str]],
) -> list[str]:
    """Return a sentence for everything that nobody has.

    `users` is None where they cannot be listed. `connections` are those of the needed ones that exist. `channels` are the names
    and ids of each workspace's channels, by its connection; a workspace that could not be asked is left out.
    """
    found = []
    for name, targets in needs.approvers.items():
        if users is not None and name not in users:
            known = f"{_meant(name, users)}; there are {', '.join(sorted(users)) or 'none'}"
            found.append(f"{name} approves on {_listed(targets)}, but is no user of Airflow{known}.")
    for name, targets in needs.connections.items():
        if name not in connections:
            found.append(f"{_listed(targets)} needs the Airflow connection {name}, which there is not.")
    for (connection, name), targets in needs.channels.items():
        known_channels = channels.get(connection)
        if known_channels is not None and name.removeprefix("#") not in known_channels:
            meant = _meant(name.removeprefix("#"), known_channels)
            found.append(
                f"{_listed(targets)} writes to {name}, which is no public channel that {connection} lists{meant}; create it, or give "
                "the id of a private one."
            )
    return found


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:3])} and {len(names) - 3} more" if len(names) > 4 else ", ".join(names)


def _meant(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
