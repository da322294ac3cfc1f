"""AWS Systems Manager: parameters of Parameter Store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from include.errors import PreconditionError
from include.write import Action, RecordedWrite, Write

if TYPE_CHECKING:
    from mypy_boto3_ssm.client import SSMClient

PUT_PARAMETER = Action("ssm", "PutParameter", resources=("Name",))
STANDARD, LARGEST = 4_096, 8_192  # bytes of a standard parameter, and of an advanced one
AT_ONCE = 10  # names in one GetParameters


def get_values(client: SSMClient, names: Sequence[str]) -> dict[str, str]:
    """Return the decrypted values of parameters, by name. A parameter that there is not is left out."""
    found: dict[str, str] = {}
    for start in range(0, len(names), AT_ONCE):
        answer = client.get_parameters(Names=list(names[start : start + AT_ONCE]), WithDecryption=True)
        found |= {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
    return found


def put_parameter(client: SSMClient, name: str, value: str) -> Write[None]:
    """Return the write that sets a parameter of type String. It is safe to repeat. Raises: PreconditionError if it is too long."""
    size = len(value.encode())
    if size > LARGEST:
        raise PreconditionError(
            f"{name} would have {size:,} bytes, and a parameter of SSM has {LARGEST:,} at most; put out less."
        )
    tier: Literal["Standard", "Advanced"] = "Standard" if size <= STANDARD else "Advanced"

    def make() -> None:
        client.put_parameter(Name=name, Value=value, Type="String", Overwrite=True, Tier=tier)

    return Write(
        PUT_PARAMETER, f"{name} ({size:,} bytes)", make, resources={"Name": name}, values={"sha256": _digest(value)}
    )


def was_applied(client: SSMClient, write: RecordedWrite) -> bool | None:
    """Tell whether a parameter has the value of a write."""
    if str(write) != str(PUT_PARAMETER):
        return None
    name = write.resource("Name")
    found = get_values(client, [name]).get(name)
    return found is not None and _digest(found) == write.values["sha256"]


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
