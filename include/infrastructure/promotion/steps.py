"""The steps of account_promotion beside Terraform's: functions, log groups, alarms, and the proof for the next account."""

from __future__ import annotations

from datetime import UTC, datetime

from include.aws import cloudformation, cloudwatch, s3_objects
from include.aws.log_groups import put_retention_policy
from include.aws.sts import ask_who
from include.errors import ApplyFailedError, ApprovalError, BakeFailedError, DriftError
from include.infrastructure.promotion.chain import keep_promotion
from include.infrastructure.promotion.context import PromotionContext
from include.infrastructure.promotion.package import build_package, digest_of, key_of
from include.infrastructure.promotion.plan import SHOWN, PromotionPlan
from include.infrastructure.promotion.preflight import plan_retention
from include.inventory.promotion import Artefact
from include.reconcile import reconcile
from include.run import promotion_documents as documents
from include.terraform.workdir import passing_folder
from include.text import spoken
from include.waiters.progress import Progress

NOTHING = "the inventory names no functions"


def prepare_functions(ctx: PromotionContext, plan: PromotionPlan) -> str:
    """Build the package again, upload it for every function, and have CloudFormation make the change sets.

    Raises: ApprovalError if the build is another one than was approved.
    """
    artefact, client = ctx.target.promotion.artefact, ctx.clients.cloudformation
    if artefact is None:
        return NOTHING
    reconcile(ctx.clients, ctx.writer)
    with passing_folder(ctx.run) as folder:
        built = build_package(ctx, artefact, plan.commit, folder)
        if (built.digest, built.template_digests) != (plan.artefact, dict(plan.templates)):
            raise ApprovalError(
                f"The package that this worker builds is {built.digest[:SHOWN]} and {plan.artefact[:SHOWN]} was approved, or a template "
                "differs: the workers have different tools. No function was changed; make them equal, then start a new run."
            )
        body = built.complete()
        for name, template in built.templates.items():
            stack = cloudformation.describe_stack(client, name)
            changed = ""
            if stack is None or stack.status == cloudformation.REVIEW or _template(ctx, name) != plan.templates[name]:
                key = key_of(template, artefact.bucket, name)
                ctx.writer.write(s3_objects.upload(ctx.clients.s3, artefact.bucket, key, body))
                write = cloudformation.create_change_set(client, stack, name, _change_set(ctx), template)
                changed = ctx.writer.write(write)
            kept: documents.FunctionDocument = {
                "at": datetime.now(UTC).isoformat(),
                "stack": name,
                "change_set": changed,
            }
            ctx.store.add(*documents.function(ctx.run, name), kept)
    return f"package {plan.artefact[:SHOWN]} is in {artefact.bucket} for {len(built.templates)} functions"


def poll_functions(ctx: PromotionContext) -> Progress:
    """Carry out the change sets one after the other, each once the stack before it is whole. Raises: ApplyFailedError."""
    artefact, client = ctx.target.promotion.artefact, ctx.clients.cloudformation
    if artefact is None:
        return Progress(True, NOTHING)
    reconcile(ctx.clients, ctx.writer)
    for number, name in enumerate(artefact.functions):
        done = f"{number} of {len(artefact.functions)} functions are deployed"
        if not _is_deployed(ctx, name):
            return Progress(False, f"{done}; stack {name} is being changed", done)
        stack = cloudformation.describe_stack(client, name)
        if stack is not None and stack.is_moving:
            return Progress(False, f"{done}; stack {name} is {stack.status}", done)
        if stack is None or not stack.is_good:
            why = cloudformation.why_failed(client, name) or (stack.reason if stack else "it is gone")
            raise ApplyFailedError(
                f"Stack {name} is {stack.status if stack else 'gone'} ({why}); {done}, and the rest was not begun. Mend the cause, then "
                "start a new run."
            )
    return Progress(True, f"all {len(artefact.functions)} functions are deployed")


def _is_deployed(ctx: PromotionContext, name: str) -> bool:
    """Begin the change set of a function, unless that was done. Tell whether it was begun before this look."""
    client, kept = ctx.clients.cloudformation, ctx.store.get(*documents.function(ctx.run, name))
    assert kept  # by the step before
    change_set = kept["change_set"]
    if not change_set or cloudformation.execution_of(client, name, change_set) != "AVAILABLE":
        return True
    ctx.writer.write(cloudformation.execute_change_set(client, name, change_set))
    return False


def verify_functions(ctx: PromotionContext, plan: PromotionPlan) -> str:
    """Prove that every stack is complete, with the approved template, and that its package is in place. Raises: DriftError."""
    artefact, client = ctx.target.promotion.artefact, ctx.clients.cloudformation
    if artefact is None:
        return NOTHING
    for name, template in plan.templates.items():
        stack = cloudformation.describe_stack(client, name)
        if stack is None or not stack.is_good or _template(ctx, name) != template:
            raise DriftError(
                f"Stack {name} is {stack.status if stack else 'gone'} and has not the template {template[:SHOWN]} that was approved; "
                "somebody else changes it. Find out who, then start a new run."
            )
    return f"{len(plan.templates)} functions run package {plan.artefact[:SHOWN]} of commit {plan.commit[:SHOWN]}"


def _template(ctx: PromotionContext, name: str) -> str:
    return digest_of(cloudformation.read_template(ctx.clients.cloudformation, name))


def _change_set(ctx: PromotionContext) -> str:
    """Return the name of this run's change sets: the same for every attempt."""
    return f"runbook-{s3_objects.StoredObject(ctx.run.encode(), '').sha256[:24]}"


def drop_change_sets(ctx: PromotionContext, artefact: Artefact | None) -> int:
    """Remove the change sets of this run that were not carried out. Return how many there were."""
    client, count = ctx.clients.cloudformation, 0
    for name in artefact.functions if artefact else ():
        kept = ctx.store.get(*documents.function(ctx.run, name))
        if kept and kept["change_set"] and cloudformation.execution_of(client, name, kept["change_set"]) == "AVAILABLE":
            ctx.writer.write(cloudformation.delete_change_set(client, name, kept["change_set"]))
            count += 1
    return count


def set_log_retention(ctx: PromotionContext) -> str:
    """Give every log group on the inventory's list the retention of the policy. Groups that Terraform declares otherwise are named."""
    if (found := plan_retention(ctx)) is None:
        return "the inventory has no policy for log groups"
    reconcile(ctx.clients, ctx.writer)
    for group in found.to_set:
        ctx.writer.write(put_retention_policy(ctx.clients.logs, group, found.days))
    said = f"{len(found.to_set)} log groups keep their lines for {found.days} days from now on, {found.sentence}"
    ctx.writer.note(said)
    return said


def poll_alarms(ctx: PromotionContext) -> Progress:
    """Look whether an alarm of the account fires, until the inventory's time is over. Raises: BakeFailedError."""
    names, wanted = ctx.target.environment.alarms, ctx.target.promotion.watch
    found = cloudwatch.describe_alarms(ctx.clients.cloudwatch, names)
    _, now = ask_who(ctx.clients.sts)
    place = documents.watch(ctx.run)
    ctx.store.add(*place, documents.WatchDocument(since=now.isoformat()))
    since = datetime.fromisoformat((ctx.store.get(*place) or {})["since"])
    firing = [f"{each.name} ({each.reason})" if each.reason else each.name for each in found if each.state == "ALARM"]
    if firing:
        raise BakeFailedError(
            f"After the promotion these alarms of {ctx.target.name} fire: {', '.join(firing)}; what was promoted stays here and goes no "
            "further. Mend the commit, or promote the earlier one again."
        )
    if now - since < wanted:
        return Progress(False, f"no alarm has fired for {spoken(now - since)} of {spoken(wanted)}")
    return Progress(True, f"none of {len(names)} alarms has fired for {spoken(wanted)}")


def prove(ctx: PromotionContext, plan: PromotionPlan) -> str:
    """Record that this commit and this artefact are proved on this account. The next account requires that record."""
    ctx.writer.check()
    keep_promotion(ctx, plan.commit, plan.artefact)
    package = f" with package {plan.artefact[:SHOWN]}" if plan.artefact else ""
    return f"commit {plan.commit[:SHOWN]}{package} is proved on {ctx.target.name}"
