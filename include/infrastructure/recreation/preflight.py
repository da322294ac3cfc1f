"""The plan of a recreation: Terraform's plan of the destruction, read together with the state and the live account."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from include.aws.secrets_manager import describe_secret
from include.aws.sts import ask_who
from include.aws.task_definitions import list_definitions
from include.errors import PreconditionError
from include.infrastructure.adoption import MadeAlreadyError, plan_adopting, remove_imports
from include.infrastructure.change.steps import check
from include.infrastructure.context import InfrastructureContext
from include.infrastructure.foundations import find_undermined
from include.infrastructure.kept import Kept, list_kept
from include.infrastructure.recreation.changes import Data, list_changes, remedy_of
from include.infrastructure.recreation.obstacles import (
    BUCKET,
    CLUSTER,
    DATABASES,
    DEFINITION,
    SECRET,
    Found,
    Obstacle,
    arguments_of,
    find_forgotten,
    is_replica,
    is_taken_back,
    lifted_arguments,
    new_value,
    shown_value,
)
from include.infrastructure.recreation.plan import (
    Bucket,
    Choices,
    Database,
    Doomed,
    DoomedSecret,
    InfrastructureRecreationPlan,
)
from include.infrastructure.recreation.proof import refuse_unproved
from include.infrastructure.recreation.seed import find_seed, find_unseedable
from include.infrastructure.recreation.survey import Survey, look
from include.infrastructure.state import read_target_state, refuse_locked, terraform_of
from include.infrastructure.variables import Variables, read_variables
from include.infrastructure.working_copy import WorkingCopy, check_out
from include.inventory.infrastructure import Recreation
from include.releases.model import Migration
from include.run.plan.preconditions import refuse_other_account
from include.terraform.diagnosis import problems
from include.terraform.errors import explain
from include.terraform.overrides import write_overrides
from include.terraform.plan import ResourceChange, TerraformPlan, fingerprint
from include.terraform.state import State
from include.terraform.summary import summarize
from include.terraform.workdir import passing_folder
from include.text import one_line

PREVENTED = re.compile(r"Resource (?P<address>\S+) has lifecycle\.prevent_destroy set")
LOOKS = 300  # seconds that the plans between the applies take
SNAPSHOT_SECONDS = 600  # that a snapshot usually takes


@dataclass(frozen=True)
class Request:
    """What an operator asked for."""

    commit: str
    modules: tuple[str, ...]  # addresses; empty for everything
    choices: Choices


def recreation_of(ctx: InfrastructureContext) -> Recreation:
    """Return the target's recreation section. Raises: PreconditionError if it has none."""
    found = terraform_of(ctx).recreation
    if found is None:
        raise PreconditionError(f"{ctx.target.name} has no terraform.recreation in the inventory; nothing was changed.")
    return found


def make_plan(ctx: InfrastructureContext, request: Request) -> tuple[InfrastructureRecreationPlan, datetime]:
    """Return the plan, and AWS's time just before the reads it rests on. Raises: PreconditionError, naming all that is in the way."""
    terraform, target, recreation = terraform_of(ctx), ctx.target, recreation_of(ctx)
    account, since = ask_who(ctx.clients.sts)
    refuse_other_account(target, account)
    refuse_unproved(ctx, recreation, since)
    refuse_locked(ctx)
    state = read_target_state(ctx)
    if state is None or not (
        state.ids or list_kept(ctx, state)
    ):  # a run that stopped after its destruction has left data alone
        raise PreconditionError(
            f"The state of {target.name} knows no resource, so there is nothing to destroy; infrastructure_change builds it."
        )
    variables = read_variables(ctx.clients, terraform, target.name, request.commit)
    with passing_folder(ctx.run) as folder:
        copy = check_out(ctx, request.commit, folder)
        checked = check(copy, terraform)
        prevented, destruction = _plan_destruction(copy, variables, request.modules)
        doomed = destruction.of("destroy")
        looked = _compare(ctx, copy, variables, state, {each.address for each in doomed})
        lock_file = copy.lock_file
    remarks = (*checked, *looked.remarks)
    if state.ids:
        _refuse_empty(doomed, request)
    survey = Survey(
        doomed, prevented, request.choices, recreation.archive, recreation.tags, state, looked.missing or ()
    )
    seed = find_seed(ctx, request.choices)
    unseeded = (Obstacle(each) for each in find_unseedable(ctx, seed, doomed, looked.missing or ()))
    needed = (Obstacle(each) for each in find_undermined(target, doomed))
    kept = (Obstacle(each) for each in find_forgotten(destruction))
    found = look(ctx.clients, survey).after(*needed, *kept, *unseeded)
    found.refuse()
    made = _Maker(ctx, request, destruction, doomed, looked.missing, found, recreation, state, seed)
    return made.plan(lock_file, prevented, variables.fingerprints(target.name), remarks), since


@dataclass(frozen=True)
class Compared:
    """What the commit would do as things are."""

    missing: tuple[ResourceChange, ...] | None  # what the build makes beside what is destroyed; None: not known
    remarks: tuple[str, ...]


def _compare(
    ctx: InfrastructureContext, copy: WorkingCopy, variables: Variables, state: State, doomed: Set[str]
) -> Compared:
    """Refuse a commit that would change more than it builds. Raises: PreconditionError.

    A recreation builds what the code says. Whatever it says otherwise than the world is, is a change of its own. What an earlier build
    has not finished is no such thing, as long as it goes.
    """
    try:
        adoption = plan_adopting(ctx, copy, variables.write(copy.folder), state)
    except MadeAlreadyError:
        raise
    except PreconditionError as error:  # such as a secret without its value, after a recreation that was not finished
        remove_imports(copy)
        return Compared(None, (f"What this commit would change now cannot be planned: {str(error).rstrip('.')}.",))
    remove_imports(copy)  # a destruction takes nothing in
    plan = adoption.plan
    ends = [each for each in plan.changes if each.is_change and each.action in ("replace", "destroy", "forget")]
    other = [each for each in ends if not (each.is_unfinished and each.address in doomed)]
    if other:
        more = f", and {len(other) - 1} more" if len(other) > 1 else ""
        raise PreconditionError(
            f"This commit would {other[0].action} {other[0].address}{more} as things are; apply it by infrastructure_change first, or "
            "give the commit that was applied last. Nothing was changed."
        )
    missing = plan.of("create")
    told = (
        (f"The build also makes what is missing now: {_named([each.address for each in missing])}.",) if missing else ()
    )
    return Compared(missing, (*adoption.remarks, *told))


def _plan_destruction(
    copy: WorkingCopy, variables: Variables, modules: Sequence[str]
) -> tuple[tuple[str, ...], TerraformPlan]:
    """Return the addresses whose prevent_destroy would refuse the destruction, and its plan without that. Raises: PreconditionError."""
    prevented: dict[str, None] = {}
    files = variables.write(copy.folder)
    while True:
        write_overrides(copy.code, arguments_of({}, tuple(prevented)))
        if not (said := copy.try_plan(files, destroy=True, targets=modules)):
            return tuple(sorted(prevented)), copy.show()
        named = [match["address"] for each in problems(said) if (match := PREVENTED.search(each.text))]
        if set(named) <= set(prevented):
            raise explain(said)
        prevented |= dict.fromkeys(named)


def _refuse_empty(doomed: Sequence[ResourceChange], request: Request) -> None:
    if not doomed:
        raise PreconditionError(
            f"Nothing would be destroyed: the state has nothing in {', '.join(request.modules) or 'it'}; correct 'modules', such as "
            "module.front_door. Nothing was changed."
        )


@dataclass(frozen=True)
class _Maker:
    """Puts the plan together."""

    ctx: InfrastructureContext
    request: Request
    destruction: TerraformPlan
    doomed: Sequence[ResourceChange]
    missing: Sequence[ResourceChange] | None
    found: Found
    recreation: Recreation
    state: State
    seed: Migration | None

    @cached_property
    def kept(self) -> Mapping[str, Kept]:
        return list_kept(self.ctx, self.state)

    @cached_property
    def gone(self) -> list[Kept]:
        """Data of what is not there any more and is built again: as the commit's plan says, or if there is none, by the state."""
        built = None if self.missing is None else {each.address for each in self.missing}
        return [
            each
            for each in self.kept.values()
            if (each.address not in self.state.ids if built is None else each.address in built)
        ]

    def plan(
        self, lock_file: str, prevented: Sequence[str], variables: dict[str, str], remarks: Sequence[str]
    ) -> InfrastructureRecreationPlan:
        terraform, target, choices = terraform_of(self.ctx), self.ctx.target, self.request.choices
        summary = summarize(self.destruction)
        lifted = {each.address: arguments for each in self.doomed if (arguments := lifted_arguments(each, choices))}
        databases, buckets, secrets = self._databases(), self._buckets(), self._secrets()
        production = target.environment.purpose == "production"
        changes = list_changes(self.doomed, Data(choices, databases, buckets, secrets, self.seed))
        return InfrastructureRecreationPlan(
            runbook="infrastructure_recreation",
            target=target.name,
            account=target.environment.account,
            region=target.environment.region,
            changes=(*map(remedy_of, self.found.obstacles), *changes),
            notes=(
                *self._unused(),
                *remarks,
                *self.found.left,
                *self._asked(),
                f"In all: {summary.counts}, and the same built again.",
            ),
            expected_seconds=2 * summary.expected_seconds + LOOKS + SNAPSHOT_SECONDS * bool(databases),
            commit=self.request.commit,
            tool=f"{terraform.tool} {terraform.version}",
            lock_file=lock_file,
            workspace=terraform.workspace,
            lineage=self.state.lineage,
            serial=self.state.serial,
            variables=variables,
            fingerprint=fingerprint(self.destruction),
            modules=self.request.modules,
            choices=choices,
            doomed=tuple(_doomed(each) for each in self.doomed),
            unfinished=tuple(sorted(self.state.tainted & {each.address for each in self.doomed} & set(lifted))),
            stays=tuple(_doomed(each) for each in self.doomed if is_taken_back(each)),
            unprevented=tuple(prevented),
            lifted=lifted,
            databases=databases,
            buckets=buckets,
            secrets=secrets,
            seed=self.seed,
            definitions=tuple(self._definitions()),
            approvers=2 if production else 1,
            typed=target.name,
        )

    def _of(self, resource_type: str) -> list[ResourceChange]:
        return [each for each in self.doomed if each.type == resource_type]

    def _databases(self) -> tuple[Database, ...]:
        mark, found = _mark(self.ctx.run), []
        for kind, attribute in DATABASES.items():
            for each in self._of(kind):
                if not is_replica(each):
                    name = shown_value(each, attribute)
                    found.append(
                        Database(
                            address=each.address, instance=name, snapshot=f"{name}-{mark}", cluster=kind == CLUSTER
                        )
                    )
        earlier = [
            Database(
                address=each.address,
                instance=self._name(each, DATABASES[kind]),
                snapshot=each.place,
                earlier=True,
                cluster=kind == CLUSTER,
            )
            for each in self.gone
            if (kind := each.type) in DATABASES
        ]
        return (*found, *earlier)

    def _buckets(self) -> tuple[Bucket, ...]:
        """Return the buckets with objects. What an earlier run has archived and not brought back comes back with what is there now."""
        root = f"s3://{self.recreation.archive}/{self.ctx.target.name}/{_mark(self.ctx.run)}"
        found = []
        for each in self._of(BUCKET) if self.recreation.archive else ():
            name = shown_value(each, "bucket")
            archive = self.kept[each.address].place if each.address in self.kept else f"{root}/{name}/"
            found.append(Bucket(address=each.address, bucket=name, archive=archive))
        earlier = [
            Bucket(address=each.address, bucket=self._name(each, "bucket"), archive=each.place, earlier=True)
            for each in self.gone
            if each.type == BUCKET
        ]
        return (*found, *earlier)

    def _name(self, kept: Kept, attribute: str) -> str:
        """Return the name of something that is gone. Raises: PreconditionError if neither the code nor the record has it."""
        named = next((new_value(each, attribute) for each in self.missing or () if each.address == kept.address), "")
        if not (named or kept.name):
            raise PreconditionError(
                f"The name of {kept.address}, whose data {kept.run} has kept in {kept.place}, is not known while this commit cannot be "
                "planned; put that right first. Nothing was changed."
            )
        return named or kept.name

    def _unused(self) -> list[str]:
        """Return which snapshots of earlier runs stay unused, since their databases were made without them."""
        return [
            f"{each.address} was not made of snapshot {each.place}, which {each.run} took. What it holds now is kept and comes back; that "
            "snapshot stays, restore it by hand if it holds the data you want."
            for each in self.kept.values()
            if each.type in DATABASES
            and each.address in self.state.ids
            and self.state.restored.get(each.address) != each.place
        ]

    def _secrets(self) -> tuple[DoomedSecret, ...]:
        """Return the secrets that are destroyed, and those that are gone and whose name is still taken."""
        now = [DoomedSecret(address=each.address, name=shown_value(each, "name")) for each in self._of(SECRET)]
        client = self.ctx.clients.secretsmanager
        gone = [
            DoomedSecret(address=each.address, name=name, earlier=True)
            for each in self.missing or ()
            if each.type == SECRET and (name := new_value(each, "name")) and describe_secret(client, name)
        ]
        return (*now, *gone)

    def _definitions(self) -> list[str]:
        """Return the active revisions of families whose definitions Terraform leaves behind on purpose."""
        families = {
            shown_value(each, "family") for each in self._of(DEFINITION) if each.setting("skip_destroy") == "true"
        }
        return sorted(arn for family in families for arn in list_definitions(self.ctx.clients.ecs, family))

    def _asked(self) -> list[str]:
        """Return which resources go beside the modules that were asked for, since they depend on these."""
        inside = tuple(f"{module}{end}" for module in self.request.modules for end in (".", "["))
        also = [each.address for each in self.doomed if inside and not each.address.startswith(inside)]
        return [f"Beside the modules that were asked for, what depends on them goes: {_named(also)}."] if also else []


def _doomed(change: ResourceChange) -> Doomed:
    return Doomed(address=change.address, type=change.type, id=change.id)


def _mark(run: str) -> str:
    """Return what tells this run's snapshots and archives from those of others, the same at every try."""
    return f"before-{hashlib.sha256(run.encode()).hexdigest()[:12]}"


def _named(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return one_line(", ".join(names[:most]) + more)
