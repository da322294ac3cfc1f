"""A plan for people: what it does in an operator's words, the worst first, and what it may not do unasked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from include.errors import PreconditionError
from include.run.plan import Change
from include.terraform.durations import Took, expected
from include.terraform.kinds import is_known, kind_of
from include.terraform.plan import ResourceChange, TerraformPlan
from include.terraform.shown import Attribute
from include.terraform.undo import losses, undo
from include.text import joined

ATTRIBUTES = 12  # of one resource in a summary
NAMED = 6  # addresses in a sentence
START = 60  # seconds that a plan or an apply takes at least, with the provider's start

VERBS = {
    "create": "Create", "change": "Change", "replace": "Replace", "destroy": "Destroy", "forget": "Forget",
    "import": "Import", "none": "Move",
}  # fmt: skip


class Limits(Protocol):
    """How much of a target one plan may take away."""

    @property
    def destroys(self) -> int: ...

    @property
    def replacements(self) -> int: ...


@dataclass(frozen=True)
class Counts:
    create: int = 0
    change: int = 0
    replace: int = 0
    destroy: int = 0
    forget: int = 0
    imported: int = 0
    move: int = 0

    @property
    def any(self) -> bool:
        return self != Counts()

    def __str__(self) -> str:
        words = [
            (self.create, "to add"), (self.change, "to change"), (self.replace, "to replace"), (self.destroy, "to destroy"),
            (self.forget, "to forget"), (self.imported, "to import"), (self.move, "to move"),
        ]  # fmt: skip
        return ", ".join(f"{count} {word}" for count, word in words if count) or "nothing to do"


@dataclass(frozen=True)
class Flags:
    """Why a person should look at a change twice."""

    address: str
    data: str = ""  # what is lost with it, such as "the database"
    dns: bool = False  # names lead to it
    protected: bool = False
    unknown: bool = False  # it is not known what is lost with it


@dataclass(frozen=True)
class Summary:
    counts: Counts
    changes: tuple[Change, ...]  # the worst first
    notes: tuple[str, ...]  # warnings, the most important first
    flags: tuple[Flags, ...]  # of destructions and replacements, in the order of the changes
    expected_seconds: int


def summarize(plan: TerraformPlan, took: Took | None = None) -> Summary:
    """Return what a plan does, in the order of what may be lost. `took`: how long such operations took the last times."""
    ordered = sorted((change for change in plan.changes if change.is_change), key=rank)
    flags = tuple(flags_of(each) for each in ordered if takes_away(each))
    return Summary(
        counts=count(plan),
        changes=tuple(_change(each) for each in ordered),
        notes=tuple(_notes(plan, ordered)),
        flags=flags,
        expected_seconds=START + max((expected(each, took or {}) for each in ordered), default=0),
    )


def count(plan: TerraformPlan) -> Counts:
    """Return how many resources a plan does what to. A replacement counts once, not as a destruction too."""
    done = [change.action for change in plan.changes]
    moved = sum(1 for change in plan.changes if change.action == "none" and change.previous_address)
    return Counts(
        create=done.count("create"), change=done.count("change"), replace=done.count("replace"), destroy=done.count("destroy"),
        forget=done.count("forget"), imported=done.count("import"), move=moved,
    )  # fmt: skip


def takes_away(change: ResourceChange) -> bool:
    """Tell whether something in the world ends with a change. What is only forgotten stays there."""
    return change.action == "destroy" or (change.action == "replace" and not change.forgets_old)


def flags_of(change: ResourceChange) -> Flags:
    kind = kind_of(change.type)
    return Flags(change.address, kind.data, kind.dns, kind.protected, unknown=not is_known(change.type))


def refuse_beyond(limits: Limits, plan: TerraformPlan) -> None:
    """Refuse a plan that takes away more than its target allows. Raises: PreconditionError."""
    found = count(plan)
    for name, number, most in (
        ("destroys", found.destroy, limits.destroys),
        ("replaces", found.replace, limits.replacements),
    ):
        if number > most:
            addresses = [each.address for each in plan.of("destroy" if name == "destroys" else "replace")]
            raise PreconditionError(
                f"The plan {name} {number} resource{'s' * (number != 1)} ({_named(addresses)}) and the target's limit is {most}; find out "
                "why, then make the change in smaller parts, or raise the limit in the inventory. Nothing was changed."
            )


def second_approver_reasons(plan: TerraformPlan) -> tuple[str, ...]:
    """Return what makes a plan need a second approver, one phrase for each resource: it takes away what holds data, what is
    protected, or what is not known to be neither.
    """
    flags = [(change, flags_of(change)) for change in sorted(plan.changes, key=rank) if takes_away(change)]
    return tuple(
        f"{each.action}s {each.address} ({flag.data or ('a protected kind' if flag.protected else 'a kind that is not known')})"
        for each, flag in flags
        if flag.data or flag.protected or flag.unknown
    )


def rank(change: ResourceChange) -> tuple[int, str, str]:
    """Return a change's place in a list that begins with what may be lost."""
    flags = flags_of(change)
    if takes_away(change):
        order = 0 if flags.data else 1 if flags.unknown else 2 if flags.protected else 3 if flags.dns else 4
    else:
        order = {"replace": 4, "forget": 5, "change": 6, "import": 7, "create": 8}.get(change.action, 9)
    return order, change.address, change.deposed


def _change(change: ResourceChange) -> Change:
    what = f"{VERBS.get(change.action, change.action)} {change.address}"
    if change.deposed:
        what += f" (what an earlier replacement left, {change.deposed})"
    if change.previous_address:
        what += f", until now {change.previous_address}"
    if takes_away(change) and (why := why_of(flags_of(change))):
        what += f" ({why})"
    before, after = _sides(change)
    return Change(what=what, before=before, after=after, undo=undo(change))


def why_of(flags: Flags) -> str:
    """Return why a person should look twice, in a few words."""
    parts = [f"holds data: {flags.data}" if flags.data else "", "names lead to it" if flags.dns else ""]
    parts += ["protected" if flags.protected else "", "not known what is lost with it" if flags.unknown else ""]
    return ", ".join(part for part in parts if part)


def _sides(change: ResourceChange) -> tuple[str, str]:
    """Return what there is and what there will be, in the values that may be shown and the names of the others."""
    if change.action == "none":
        return "in the state under its old address", "in the state under its new address"
    if change.action == "import":
        return f"in the world as {change.importing}, and in no state", "in the state"
    if change.action == "forget":
        return "in the state", "in the world, and in no state"
    before = _values(change.attributes, before=True)
    after = _values(change.attributes, before=False)
    if change.action == "create":  # ids and the like are no news
        set_now = tuple(attribute for attribute in change.attributes if not attribute.later)
        return "not there", _values(set_now, before=False)
    if change.action == "destroy":
        return before, "gone"
    if change.action == "replace":
        order = "the new one before the old one goes" if change.create_before_destroy else "the old one goes first"
        return before, f"{after}; {order}"
    return before, after


def _values(attributes: tuple[Attribute, ...], *, before: bool) -> str:
    told = [
        attribute
        for attribute in attributes
        if not attribute.hidden and ((attribute.before if before else attribute.after) is not None)
    ]
    texts = [f"{each.path} {each.before if before else each.after}" for each in told]
    hidden = (
        [attribute.path for attribute in attributes if attribute.hidden and not attribute.later] if not before else []
    )
    more = len(texts) - ATTRIBUTES
    texts = texts[:ATTRIBUTES] + ([f"{more} more"] if more > 0 else [])
    if hidden:
        rest = len(hidden) - ATTRIBUTES
        names = ", ".join(hidden[:ATTRIBUTES]) + (f" and {rest} more" if rest > 0 else "")
        texts.append(f"not shown: {names}")
    return "; ".join(texts) or "as it is"


def _notes(plan: TerraformPlan, ordered: list[ResourceChange]) -> Iterator[str]:
    if plan.errored:
        yield "The plan is not whole: Terraform met an error while it made it."
    for change in ordered:
        yield from losses(change)
    unknown = [each.address for each in ordered if takes_away(each) and not is_known(each.type)]
    if unknown:
        yield f"It is not known what is lost with {_named(unknown)}; look at each before you approve."
    names = [each.address for each in ordered if takes_away(each) and kind_of(each.type).dns]
    if names:
        yield f"Names lead to {_named(names)}: whoever uses them gets no answer until the name leads to the new one."
    forgotten = [each.address for each in ordered if each.action == "forget" or each.forgets_old]
    if forgotten:
        yield f"{_named(forgotten)} stay where they are and leave the state: nothing manages them afterwards."
    for check in plan.failed_checks:
        yield f"Check {check.address} does not hold: {joined(check.messages) or check.status}."
    if plan.deferred:
        yield f"Terraform puts off {_named(list(plan.deferred))} to a later plan, so this one is not all that is needed."
    if plan.complete is False and not plan.deferred:
        yield "This plan is not all that is needed: another plan has to follow its apply."
    if plan.invocations:
        yield f"The apply calls actions of providers that change things outside the plan: {_named(list(plan.invocations))}."
    if plan.drift:
        yield f"Somebody or something changed {_named([each.address for each in plan.drift])} outside Terraform."


def _named(addresses: list[str]) -> str:
    more = len(addresses) - NAMED
    return ", ".join(addresses[:NAMED]) + (f" and {more} more" if more > 0 else "")
