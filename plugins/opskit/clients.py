"""From an Airflow connection to boto3 clients: the connection says who, the inventory says where."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.aws.clients import Clients
from include.errors import PreconditionError
from include.inventory import Target, load
from include.operations.table import OperationsTable

if TYPE_CHECKING:
    from airflow.sdk import Connection

CONNECT_TIMEOUT = 5  # seconds
READ_TIMEOUT = 20  # seconds; a hanging AWS must not eat a step's whole time
ATTEMPTS = 6  # botocore's standard mode backs off to 20 s between them


@cache
def clients_for(target_name: str) -> Clients:
    """Return the clients of a target's account, one set per process. Raises: PreconditionError without a connection."""
    target = load().target(target_name)
    try:
        connection = BaseHook.get_connection(target.aws_conn_id)
    except AirflowNotFoundException as error:
        raise _no_connection(target) from error
    return make_clients(connection, target.environment.region)


async def clients_for_async(target_name: str) -> Clients:
    """The same for the triggerer, whose event loop must not be blocked; one set per connection as it stands."""
    target = load().target(target_name)
    try:
        connection = await BaseHook.aget_connection(target.aws_conn_id)
    except AirflowNotFoundException as error:
        raise _no_connection(target) from error
    key = f"{target.environment.region} {connection.get_uri()}"
    if key not in _in_triggerer:
        _in_triggerer[key] = make_clients(connection, target.environment.region)
    return _in_triggerer[key]


_in_triggerer: dict[str, Clients] = {}


def make_clients(connection: Connection, region: str) -> Clients:
    """Return clients of the session a connection describes; the provider assumes roles and renews credentials."""
    from airflow.providers.amazon.aws.hooks.base_aws import BaseSessionFactory
    from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper
    from botocore.config import Config

    wrapper = AwsConnectionWrapper(conn=connection, region_name=region)
    session: Any = BaseSessionFactory(conn=wrapper).create_session()  # its stubs want a literal service name

    def maker(attempts: int) -> Callable[[str], Any]:
        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )

        def make(service: str) -> Any:
            endpoint = wrapper.get_service_endpoint_url(service, sts_test_connection=service == "sts")
            return session.client(service, region_name=region, endpoint_url=endpoint, config=config)

        return make

    return Clients(maker(ATTEMPTS), make_once=maker(1))


def operations_table(target_name: str) -> OperationsTable:
    """Return the table that keeps the target's leases, decisions and records."""
    return OperationsTable(clients_for(target_name).dynamodb, load().target(target_name).environment.operations_table)


def _no_connection(target: Target) -> PreconditionError:
    return PreconditionError(
        f"There is no Airflow connection {target.aws_conn_id} for {target.name}; create one of type aws with the role "
        f"{target.environment.role} of account {target.environment.account}."
    )
