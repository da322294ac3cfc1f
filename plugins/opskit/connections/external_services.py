"""Clients of GitHub, Jira, Sentry and Google Sheets, made from Airflow connections. They never retry or block a call by themselves."""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.errors import PreconditionError
from include.inventory import Target
from include.inventory.target import github_connection

if TYPE_CHECKING:
    from airflow.sdk import Connection
    from atlassian import Jira
    from github.Repository import Repository
    from gspread.worksheet import Worksheet

    from include.front_door.signing_keys import SigningKeys
    from include.inventory.region_data import Sheet
    from include.sentry import Sentry

TIMEOUT = 10  # seconds; the providers would wait up to 75
API = "/api/0"  # the path of Sentry's API

log = logging.getLogger(__name__)


def github_repository(target: Target) -> Repository:
    """Return the target's repository on GitHub, without a call to GitHub. Raises: PreconditionError without a connection."""
    if not target.system.github or not target.github_conn_id:
        raise PreconditionError(
            f"{target.name} has no repository in the inventory; add github: <owner>/<name> to its system."
        )
    return _repository(target, target.system.github, target.github_conn_id)


def infrastructure_repository(target: Target) -> Repository:
    """Return the repository of the target's Terraform code, likewise. Raises: PreconditionError without a connection."""
    terraform, conn_id = target.environment.terraform, target.infrastructure_conn_id
    if not terraform or not conn_id:
        raise PreconditionError(f"{target.name} has no terraform section in the inventory; add one.")
    return _repository(target, terraform.repository, conn_id)


def _repository(target: Target, name: str, conn_id: str) -> Repository:
    owner = name.split("/", 1)[0]
    missing = PreconditionError(
        f"There is no usable Airflow connection {conn_id} for {target.name}; create one of type github with "
        f"a token for {owner} as its password, and for GitHub Enterprise with https://<host>/api/v3 as its host."
    )
    if _connection(conn_id) is None:
        raise missing
    from airflow.providers.github.hooks.github import GithubHook
    from github import Consts, Github

    try:
        given = GithubHook(conn_id).get_conn().requester  # this handles tokens as well as GitHub Apps
    except (ValueError, OSError) as error:
        raise missing from error
    client = Github(
        auth=given.auth,
        base_url=given.base_url.rstrip("/") or Consts.DEFAULT_BASE_URL,
        timeout=TIMEOUT,
        per_page=100,
        retry=None,  # the hook's client would repeat writes, and sleep until a rate limit is over
        seconds_between_requests=0,
        seconds_between_writes=0,
        lazy=True,
    )
    return client.get_repo(name)


def webhook_secret(owner: str) -> str:
    """Return the secret of an organization's webhooks, from the extra of its connection, or "" if there is none."""
    connection = _connection(github_connection(owner))
    return str(connection.extra_dejson.get("webhook_secret") or "") if connection else ""


def oidc_keys(issuer: str, owner: str) -> SigningKeys:
    """Return the keys of an issuer of workflow tokens. `oidc_keys` in the extra of the owner's connection overrides their address."""
    connection = _connection(github_connection(owner))
    elsewhere = connection.extra_dejson.get("oidc_keys") if connection else None
    return _keys_at(str(elsewhere or f"{issuer}/.well-known/jwks"))


@cache
def _keys_at(url: str) -> SigningKeys:
    from include.front_door.signing_keys import SigningKeys

    return SigningKeys(url)


def github_page(target: Target) -> str:
    """Return where people look at the target's repository, or "" without a connection to GitHub. A connection's host is its API."""
    connection = _connection(target.github_conn_id) if target.github_conn_id else None
    if not target.system.github or connection is None:
        return ""
    host = (connection.host or "https://api.github.com").rstrip("/")
    web = "https://github.com" if host.endswith("//api.github.com") else host.removesuffix("/api/v3")
    return f"{web}/{target.system.github}"


def review_apps_page(target: Target) -> str:
    """Return where the review apps of a system are reached from here, without their own paths, or "" if that is at their URLs."""
    connection = _connection(f"http_{target.system.system}_{target.template}".replace("-", "_"))
    return (connection.host or "").rstrip("/") if connection else ""


def jira_page(target: Target) -> str:
    """Return where people look at the target's Jira, or "" without a connection to it."""
    connection = _connection(target.jira_conn_id) if target.jira_conn_id else None
    return (connection.host or "").rstrip("/") if connection else ""


def jira_client(target: Target) -> Jira | None:
    """Return a client of the target's Jira, or None, with a line in the log, if the target has none."""
    if not target.jira_conn_id or not _optional(target, target.jira_conn_id, "its tickets are left as they are"):
        return None
    from airflow.providers.atlassian.jira.hooks.jira import JiraHook

    client = JiraHook(target.jira_conn_id).get_conn()
    client.timeout = TIMEOUT
    client.retry_with_header = False  # it would sleep for up to half an hour, and repeat writes
    return client


def sentry_client(target: Target) -> Sentry | None:
    """Return access to the target's Sentry, or None, with a line in the log, if the target has none."""
    conn_id = target.sentry_conn_id
    connection = conn_id and _optional(target, conn_id, "nobody looks at its errors there")
    if not conn_id or not connection:
        return None
    from airflow.providers.http.hooks.http import HttpHook

    from include.sentry import Sentry

    hook = HttpHook(http_conn_id=conn_id)
    http = hook.get_conn()
    if connection.password and not connection.login:
        http.headers.setdefault("Authorization", f"Bearer {connection.password}")  # the hook ignores it
    url = str(hook.base_url).rstrip("/")
    return Sentry(http, url if url.endswith(API) else url + API)


def open_worksheet(sheet: Sheet) -> Worksheet:
    """Return the worksheet in which people track regions. Raises: PreconditionError, ServiceUnavailableError."""
    from include import sheets

    connection = _connection(sheet.connection)
    extra = connection.extra_dejson if connection else {}
    keyfile = extra.get("keyfile_dict")
    if isinstance(keyfile, str):
        keyfile = _parsed(keyfile)  # in the form in which Airflow's own Google connections store it
    if not isinstance(keyfile, dict):
        raise PreconditionError(
            f"There is no usable Airflow connection {sheet.connection} for spreadsheet {sheet.spreadsheet}; create one of "
            "type generic whose extra has the JSON key of a service account as keyfile_dict."
        )
    return sheets.open_worksheet(keyfile, sheet, **({"api_root": extra["api_root"]} if extra.get("api_root") else {}))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _optional(target: Target, conn_id: str, consequence: str) -> Connection | None:
    connection = _connection(conn_id)
    if connection is None:
        log.info("There is no Airflow connection %s for %s: %s.", conn_id, target.name, consequence)
    return connection


def _connection(conn_id: str) -> Connection | None:
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None
