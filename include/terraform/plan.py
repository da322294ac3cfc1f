"""The reader of a plan: the JSON of `terraform show -json PLANFILE`, without the values that may not be shown."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from include.errors import PreconditionError
from include.terraform.kinds import has_plain_id, kind_of
from include.terraform.moving import without_moving
from include.terraform.parts import BUCKET, find_parts, is_part
from include.terraform.shown import Attribute, named, shown
from include.text import canonical_json, one_line

TAINTED = "replace_because_tainted"
FORMAT = 1  # the major version of the format; Terraform 1.x and OpenTofu 1.x raise only the minor one, for additions

Action = Literal["create", "change", "replace", "destroy", "forget", "read", "import", "none"]

ACTIONS: dict[tuple[str, ...], Action] = {
    ("no-op",): "none",
    ("create",): "create",
    ("read",): "read",
    ("update",): "change",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("create", "forget"): "replace",
    ("forget", "create"): "replace",
    ("delete",): "destroy",
    ("forget",): "forget",
}


@dataclass(frozen=True)
class ResourceChange:
    """What a plan does to one resource instance, or to a deposed object of it."""

    address: str
    type: str
    mode: str  # managed or data
    action: Action
    previous_address: str = ""  # where the state has it now, if it moves
    create_before_destroy: bool = False  # of a replacement: the new one is there before the old one goes
    forgets_old: bool = False  # of a replacement: the old one stays in the world, and in no state
    action_reason: str = ""  # such as replace_because_tainted, delete_because_no_resource_config
    replace_paths: tuple[str, ...] = ()
    importing: str = (
        ""  # the id of what is taken into the state; an import that also changes it keeps the change's action
    )
    deposed: str = ""  # the key of what is left of an earlier replacement that failed
    attributes: tuple[Attribute, ...] = ()
    id: str = ""  # of what is there now, where it may be shown
    settings: tuple[
        tuple[str, str], ...
    ] = ()  # as the state has them: what decides how a destruction goes, and whether AWS allows it
    digest: str = field(default="", repr=False)  # of everything, shown or not

    @property
    def is_change(self) -> bool:
        """Tell whether the world or the state will be different; reading is no change."""
        return self.action not in ("none", "read") or bool(self.previous_address)

    @property
    def is_unfinished(self) -> bool:
        """Tell whether something is replaced only since the provider made it and could not finish it."""
        return self.action == "replace" and self.action_reason == TAINTED

    def setting(self, name: str) -> str:
        """Return a setting of a destruction as the state has it, such as "true"; empty if it is not set."""
        return dict(self.settings).get(name, "")


@dataclass(frozen=True)
class OutputChange:
    """What a plan does to an output. Its value is not here: an output may hand on what a resource has in clear."""

    name: str
    action: Action
    sensitive: bool
    digest: str = field(default="", repr=False)


@dataclass(frozen=True)
class FailedCheck:
    address: str
    status: str  # fail, error, or unknown before the apply
    messages: tuple[str, ...]


@dataclass(frozen=True)
class TerraformPlan:
    """A plan as it may be shown. Two of the same configuration, state and world are equal."""

    terraform_version: str
    changes: tuple[ResourceChange, ...]  # in Terraform's order, with those that do nothing
    outputs: tuple[OutputChange, ...]
    drift: tuple[ResourceChange, ...]  # what is in the world otherwise than in the state, and matters to a change
    failed_checks: tuple[FailedCheck, ...]
    deferred: tuple[str, ...]  # addresses that Terraform puts off to a later plan
    invocations: tuple[str, ...]  # actions of providers that the apply would call, of Terraform 1.14 and later
    errored: bool
    complete: bool | None  # None: not said, as by OpenTofu
    applyable: bool | None

    def of(self, *actions: Action) -> tuple[ResourceChange, ...]:
        """Return the changes with one of these actions."""
        return tuple(change for change in self.changes if change.action in actions)


def read_plan(text: str) -> TerraformPlan:
    """Return the plan that `terraform show -json` printed. Raises: PreconditionError if it cannot be read whole."""
    document = _document(text)
    changes = tuple(_resource_change(each) for each in document.get("resource_changes") or ())
    return TerraformPlan(
        terraform_version=str(document.get("terraform_version", "")),
        changes=changes,
        outputs=tuple(_output(name, each) for name, each in sorted((document.get("output_changes") or {}).items())),
        drift=tuple(_drift(document, changes)),
        failed_checks=tuple(_failed_checks(document.get("checks") or ())),
        deferred=tuple(_address(each["resource_change"]) for each in document.get("deferred_changes") or ()),
        invocations=tuple(_address(each) for each in document.get("action_invocations") or ()),
        errored=bool(document.get("errored", False)),
        complete=document.get("complete"),
        applyable=document.get("applyable"),
    )


def fingerprint(plan: TerraformPlan) -> str:
    """Return a SHA-256 over what the plan does, with the values that are not shown: equal for two plans that do the same.

    What stays as it is does not count, nor the time of the plan, nor what AWS moves by itself. It is no secret, but it confirms a guess of
    somebody who knows all values but one, so it belongs where the plan's summary does.
    """
    doing = [
        [change.address, change.deposed, change.digest]
        for change in plan.changes
        if change.action != "none" or change.is_change
    ]
    outputs = [[output.name, output.digest] for output in plan.outputs if output.action != "none"]
    return _digest([sorted(doing), sorted(outputs), sorted(plan.deferred), sorted(plan.invocations)])


def _document(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise PreconditionError(
            "The plan is no JSON; it was not read to its end, or another command printed it. Make a new plan, nothing was changed."
        ) from error
    if not isinstance(document, dict) or "format_version" not in document:
        raise PreconditionError(
            "The JSON is no plan, it names no format_version; make a new plan, nothing was changed."
        )
    found = str(document["format_version"])
    if found.split(".")[0] != str(FORMAT):
        raise PreconditionError(
            f"The plan is in format {one_line(found)}, and only {FORMAT}.x can be read; use a Terraform or OpenTofu version that writes "
            "it, nothing was changed."
        )
    return document


def _resource_change(entry: Mapping[str, Any]) -> ResourceChange:
    change, kind = entry["change"], str(entry["type"])
    actions = tuple(change["actions"])
    importing = change.get("importing")
    action = _action(_address(entry), actions)
    return ResourceChange(
        address=_address(entry),
        type=kind,
        mode=str(entry.get("mode", "managed")),
        action="import" if action == "none" and importing is not None else action,
        previous_address=one_line(entry.get("previous_address") or ""),
        create_before_destroy=actions[0] == "create" and action == "replace",
        forgets_old="forget" in actions and action == "replace",
        action_reason=str(entry.get("action_reason") or ""),
        replace_paths=tuple(dict.fromkeys(named(kind, path) for path in change.get("replace_paths") or ())),
        importing=_imported(importing),
        deposed=str(entry.get("deposed") or ""),
        attributes=shown(kind, change) if action != "none" else (),
        id=_id(kind, change.get("before"), change.get("before_sensitive")),
        settings=tuple(_settings(kind, change.get("before"), change.get("before_sensitive"))),
        digest=_digest([entry.get("previous_address"), entry.get("provider_name"), without_moving(kind, change)]),
    )


def _id(kind: str, before: Any, marks: Any) -> str:
    if not has_plain_id(kind) or not isinstance(before, dict) or marks is True:
        return ""
    return "" if isinstance(marks, dict) and marks.get("id") else one_line(str(before.get("id") or ""))


def _settings(resource_type: str, before: Any, marks: Any) -> Iterator[tuple[str, str]]:
    kind = kind_of(resource_type)
    for name in (kind.protection, *kind.before_destroy, *kind.left_behind):
        value = before.get(name) if isinstance(before, dict) else None
        hidden = marks is True or (isinstance(marks, dict) and marks.get(name))
        if name and value is not None and not hidden:
            yield name, one_line(value) if isinstance(value, str) else canonical_json(value)


def _action(what: str, actions: Sequence[str]) -> Action:
    try:
        return ACTIONS[tuple(actions)]
    except KeyError as error:
        raise PreconditionError(
            f"The plan does {'+'.join(actions) or 'nothing known'} to {what}, which this version of the runbook does not know; use a "
            "Terraform or OpenTofu version that it knows, nothing was changed."
        ) from error


def _imported(importing: Mapping[str, Any] | None) -> str:
    """Return the id of what is imported; by its identity, which has several parts, if it has no id."""
    if importing is None:
        return ""
    return one_line(str(importing.get("id") or canonical_json(importing.get("identity") or {})))


def _output(name: str, change: Mapping[str, Any]) -> OutputChange:
    sensitive = bool(change.get("before_sensitive")) or bool(change.get("after_sensitive"))
    return OutputChange(one_line(name), _action(f"output {name}", change["actions"]), sensitive, _digest(change))


def _drift(document: Mapping[str, Any], changes: Sequence[ResourceChange]) -> Iterator[ResourceChange]:
    """Yield what differs from the state in a resource that changes, or in an attribute that a change was computed from.

    Terraform lists every difference, such as the tags and times that AWS adds after a creation.
    """
    parts = find_parts(document.get("resource_changes") or ())
    changing = {each.address for each in changes if each.is_change}
    relevant = [
        (each["resource"], list(each.get("attribute") or ())) for each in document.get("relevant_attributes") or ()
    ]
    for entry in document.get("resource_drift") or ():
        change, found = entry["change"], _without_parts(_resource_change(entry), parts)
        matters = found.address in changing or any(
            resource == entry["address"] and _value(change.get("before"), path) != _value(change.get("after"), path)
            for resource, path in relevant
        )
        if matters and (found.attributes or found.action != "change"):  # else null became an empty list
            yield found


def _without_parts(change: ResourceChange, parts: Mapping[str, frozenset[str]]) -> ResourceChange:
    """Leave out of a bucket what a resource of its own manages: if somebody changes that, it is told of that resource."""
    managed = parts.get(change.id, frozenset()) if change.type == BUCKET else frozenset()
    return replace(
        change, attributes=tuple(attribute for attribute in change.attributes if not is_part(attribute.path, managed))
    )


def _value(value: Any, path: Sequence[str | int]) -> str:
    """Return the value at a path, as text that tells 1 from "1" and from true."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            break
    return canonical_json(value)


def _failed_checks(checks: Sequence[Mapping[str, Any]]) -> Iterator[FailedCheck]:
    """Yield the checks that do not hold. Their messages are the author's own, so Terraform shows them in clear, too."""
    for check in checks:
        if check.get("status") in ("fail", "error"):
            problems = [each for instance in check.get("instances") or () for each in instance.get("problems") or ()]
            messages = tuple(one_line(str(problem.get("message", ""))) for problem in problems)
            yield FailedCheck(one_line(check["address"]["to_display"]), check["status"], messages)


def _address(entry: Mapping[str, Any]) -> str:
    return one_line(str(entry.get("address", "")))


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()
