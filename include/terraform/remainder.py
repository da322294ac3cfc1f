"""Whether a plan does no more than what is left of an approved one, whose apply has stopped half way."""

from collections.abc import Iterator

from include.terraform.plan import Action, ResourceChange, TerraformPlan

# what may be left of an approved action, if not the same; of a replacement the old one may be gone already
LEFT: dict[Action, tuple[Action, ...]] = {"replace": ("replace", "create")}


def beyond(approved: TerraformPlan, left: TerraformPlan) -> tuple[str, ...]:
    """Return what a plan would do beside what is left of the approved one, each as an action and an address."""
    return tuple(f"{other.action} {other.address}" for other in _others(approved, left))


def _others(approved: TerraformPlan, left: TerraformPlan) -> Iterator[ResourceChange]:
    known = {(change.address, change.deposed): change for change in approved.changes if change.is_change}
    for change in left.changes:
        if change.is_change and not _is_left(known, change):
            yield change


def _is_left(approved: dict[tuple[str, str], ResourceChange], change: ResourceChange) -> bool:
    """Tell whether a change is part of an approved one. What an approved creation left unfinished may be made again."""
    if (found := approved.get((change.address, change.deposed))) is None:
        whole = approved.get((change.address, ""))
        # the old one of a replacement that made the new one first
        return bool(change.deposed and change.action == "destroy" and whole and whole.action == "replace")
    if change.action == "replace" and found.action == "create":
        return change.is_unfinished
    if change.action not in LEFT.get(found.action, (found.action,)):
        return False
    return change.action != "change" or _paths(change) <= _paths(found)


def _paths(change: ResourceChange) -> set[str]:
    return {attribute.path for attribute in change.attributes}
