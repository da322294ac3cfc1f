"""The options of a rehearsal, from the environment (`make demo TARGET=core/staging` sets them)."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from include.errors import InventoryError
from include.inventory import load
from sandbox.aws.faults.catalogue import parse_fields
from sandbox.errors import SandboxError

RUNBOOK = "service_restart"
TARGET = "districtbuilder/staging"
REASON = "A rehearsal with make demo"


@dataclass(frozen=True)
class Options:
    """`yes` answers every question with its first option; `keep` leaves the sandbox open at the end."""

    runbook: str
    target: str  # "" for one that the runbook offers
    params: dict[str, Any]
    reason: str
    fault: dict[str, Any]  # what breaks meanwhile, as the control API takes it; empty for nothing
    yes: bool
    keep: bool

    @classmethod
    def from_environment(cls) -> "Options":
        """Read RUNBOOK, TARGET, PARAMS, FAULT, REASON, YES and KEEP. Raises: SandboxError."""
        params = _object("PARAMS", os.environ.get("PARAMS") or "{}", '{"plan_only": true}')
        fault = os.environ.get("FAULT") or "{}"
        if not fault.lstrip().startswith("{"):
            fault = json.dumps({"kind": fault})
        return cls(
            runbook=os.environ.get("RUNBOOK") or RUNBOOK,
            target=os.environ.get("TARGET") or "",
            params=params,
            fault=_object("FAULT", fault, '{"kind": "one_off_exits", "exit_code": 1}'),
            reason=os.environ.get("REASON") or REASON,
            yes=_is_on("YES", default=False),
            keep=_is_on("KEEP", default=True),
        )

    def check(self, runbooks: Sequence[str], targets: Sequence[str]) -> None:
        """Refuse what can be told without a sandbox, which takes a minute to start. Raises: SandboxError, FaultError."""
        target = self.params.get("target", self.target)
        for what, given, known in (("RUNBOOK", self.runbook, runbooks), ("TARGET", target, targets)):
            if given and given not in known and not (what == "TARGET" and _comes_and_goes(str(given))):
                near = get_close_matches(str(given), known, n=1)
                choose = f"did you mean {near[0]}? Choose" if near else "choose"
                raise SandboxError(f"{what} {given!r} is unknown; {choose} one of {', '.join(sorted(known))}.")
        if self.fault:
            own = {name: value for name, value in self.fault.items() if name not in ("kind", "target", "service")}
            parse_fields(self.fault.get("kind"), own)

    def conf(
        self,
        declared: dict[str, Any],
        known: Mapping[str, Callable[[str], Any]],
        find_app: Callable[[str], str],
    ) -> dict[str, Any]:
        """Return the conf for a DAG that declares these params: target and reason only if it asks for them.

        A param that it demands and nobody gave is what `known` returns for the target, such as its newest commit. `find_app` returns
        a review app that can be rehearsed with, of the template of another.

        Raises: SandboxError if the target is none of those the runbook offers.
        """
        usual = {"reason": self.reason} if "reason" in declared else {}
        schema = (declared.get("target") or {}).get("schema", {})
        offered = schema.get("enum")
        conf = usual | self.params
        if "target" in declared and "target" not in conf:
            conf["target"] = self.target or _usual_target(offered, schema.get("examples"), find_app)
        if offered and conf["target"] not in offered:
            raise SandboxError(
                f"{self.runbook} is not offered for {conf['target']}; choose one of {', '.join(offered)}."
            )
        for name, find in known.items():
            if name in declared and declared[name].get("value") is None and name not in conf:
                conf[name] = find(conf["target"])
        return conf


def _usual_target(offered: list[str] | None, examples: list[str] | None, find_app: Callable[[str], str]) -> str:
    if examples:  # of names that fit a template
        return find_app(examples[0])
    return TARGET if not offered or TARGET in offered else offered[0]


def _comes_and_goes(target: str) -> bool:
    """Whether it is a target that the inventory describes by a template."""
    try:
        return load().target(target).template is not None
    except InventoryError:
        return False


def _object(name: str, text: str, example: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise SandboxError(f"{name} is no JSON ({error}): {text}") from error
    if not isinstance(value, dict):
        raise SandboxError(f"{name} must be a JSON object such as {example}, not {text}")
    return value


def _is_on(name: str, *, default: bool) -> bool:
    value = (os.environ.get(name) or "").strip().lower()
    if not value:
        return default
    if value in ("1", "yes", "true", "y"):
        return True
    if value in ("0", "no", "false", "n"):
        return False
    raise SandboxError(f"{name} is {value!r}; use 1 or 0.")
