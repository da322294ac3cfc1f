"""A person who enters the value of a secret in AWS's console."""

from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from include.inventory import Target
from sandbox.aws.faults.model import FaultError
from sandbox.aws.services.sts.model import SOMEBODY
from sandbox.aws.sim.world import World
from sandbox.aws.state.call_log import Call


def enter(world: World, target: Target, name: Any, value: Any) -> None:
    """Put a value into a secret of the target's account, as somebody. Raises: FaultError if there is no such secret."""
    place = target.environment
    backend = secretsmanager_backends[place.account][place.region]
    if name not in backend.secrets or backend.secrets[name].is_deleted():
        known = ", ".join(sorted(each for each, secret in backend.secrets.items() if not secret.is_deleted())) or "none"
        raise FaultError(f"Account {place.account} has no secret {name!r} in {place.region}; it has {known}.")
    if not isinstance(value, str):
        raise FaultError(f"The value of a secret is a text, not {type(value).__name__}.")
    backend.put_secret_value(
        secret_id=name,
        secret_string=value,
        secret_binary="",
        client_request_token="",
        version_stages=["AWSCURRENT"],
    )
    call = Call("secretsmanager", "PutSecretValue", place.region, True, {"SecretId": name})
    call.account, call.role, call.status = place.account, SOMEBODY, 200
    world.log_call(call)
