"""boto3 clients made from Airflow connections: the connection holds the identity, the inventory the account and region."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.aws.clients import Clients
from include.aws.credentials import Credentials, ProcessAccess
from include.errors import PreconditionError
from include.inventory import Target, load
from include.retry import AWS_CALL
from include.run.store import RunStore

if TYPE_CHECKING:
    from airflow.sdk import Connection

CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 20  # seconds; a hanging AWS must not use up a step's whole time


@cache
def clients_for(target_name: str) -> Clients:
    """Return the clients of a target's account, one set per process. Raises: PreconditionError without a connection."""
    target = load().target(target_name)
    try:
        connection = BaseHook.get_connection(target.aws_conn_id)
    except AirflowNotFoundException as error:
        raise _no_connection(target) from error
    return make_clients(connection, target)


def reading_clients(target: Target) -> Clients:
    """Return the clients of a role that can only read the target's account. Raises: PreconditionError without its connection."""
    try:
        return make_clients(BaseHook.get_connection(target.reading_conn_id), target)
    except AirflowNotFoundException as error:
        raise PreconditionError(
            f"There is no Airflow connection {target.reading_conn_id} for {target.name}; create one of type aws with a role of account "
            f"{target.environment.account} that can only read."
        ) from error


async def clients_for_async(target_name: str) -> Clients:
    """Return the clients for the triggerer, whose event loop must not be blocked, one set per connection as currently stored."""
    target = load().target(target_name)
    connection = await _connection(target)
    key = f"{target.environment.region} {connection.get_uri()}"
    if key not in _in_triggerer:
        _in_triggerer[key] = make_clients(connection, target)
    return _in_triggerer[key]


_in_triggerer: dict[str, Clients] = {}


async def clients_for_waits(target_name: str, on_call: Callable[[], None]) -> Clients:
    """Return the clients for a poller, which counts the calls it makes.

    A failed look is repeated soon anyway, so these clients give up early and do not delay the whole round.
    """
    target = load().target(target_name)
    connection = await _connection(target)
    return make_clients(connection, target, read_timeout=10, attempts=2, on_call=on_call)


async def _connection(target: Target) -> Connection:
    try:
        return await BaseHook.aget_connection(target.aws_conn_id)
    except AirflowNotFoundException as error:
        raise _no_connection(target) from error


def make_clients(
    connection: Connection,
    target: Target,
    *,
    read_timeout: int = READ_TIMEOUT,
    attempts: int = AWS_CALL.attempts,
    on_call: Callable[[], None] | None = None,
) -> Clients:
    """Return clients of the session that a connection describes, each in the region in which its service is used.

    The provider assumes roles and renews credentials.
    """
    from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory
    from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper
    from botocore.config import Config

    region, registry = target.environment.region, target.environment.registry
    elsewhere = {"ecr": registry.region} if registry else {}
    wrapper = AwsConnectionWrapper(conn=connection, region_name=region)
    sessions: list[Any] = []  # the current session, made when first needed

    def session() -> Any:
        if not sessions:
            factory = BaseSessionFactory(conn=wrapper)
            _share_models(factory.basic_session)  # this assumes the role
            sessions.append(_share_models(factory.create_session()))
        return sessions[0]

    def make(service: str, attempts: int = attempts) -> Any:
        endpoint = wrapper.get_service_endpoint_url(service, sts_test_connection=service == "sts")
        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )
        there = elsewhere.get(service, region)
        client = session().client(service, region_name=there, endpoint_url=endpoint, config=config)
        if on_call:
            client.meta.events.register("before-send", lambda **_: on_call())
        return client

    access = ProcessAccess(lambda: _credentials(session()), region, wrapper.endpoint_url or "")
    return Clients(make, partial(make, attempts=1), sessions.clear, access)


def _credentials(session: Any) -> Credentials:
    """Return the current credentials of a session, renewed if they expire soon. Raises: PreconditionError if there are none."""
    found = session.get_credentials()
    if found is None:
        raise PreconditionError("The Airflow connection has no credentials for AWS; give it some, or a role to assume.")
    frozen = found.get_frozen_credentials()
    expires = getattr(found, "_expiry_time", None)  # botocore shows it nowhere else
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "", expires)


def make_idle_clients() -> None:
    """Make a client of every service once and discard it: a forked process then makes its own in a tenth of the time."""
    import boto3

    session = _share_models(boto3.session.Session("nobody", "nothing", region_name="us-east-1"))
    clients = Clients(session.client)
    for name, kept in vars(Clients).items():
        if isinstance(kept, cached_property):
            getattr(clients, name)


def _share_models(session: Any) -> Any:
    """Share the models of AWS's services that this process has read with a boto3 session."""
    session._session.register_component("data_loader", _models())  # as the provider does for its own async sessions
    return session


@cache
def _models() -> Any:
    """Return botocore's loader of models with its cache: each new session would read a megabyte of JSON again."""
    from botocore.session import get_session

    return get_session().get_component("data_loader")


def run_store(target_name: str) -> RunStore:
    """Return the store that keeps the target's leases, decisions and records."""
    return RunStore(clients_for(target_name).dynamodb, load().target(target_name).environment.operations_table)


def _no_connection(target: Target) -> PreconditionError:
    return PreconditionError(
        f"There is no Airflow connection {target.aws_conn_id} for {target.name}; create one of type aws with the role "
        f"{target.environment.role} of account {target.environment.account}."
    )
