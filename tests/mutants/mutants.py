"""Mutants: guards removed from the code on purpose, one at a time. Each must make its tests fail."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """`before` occurs once in `file` and becomes `after`; `tests` are the ones that have to notice."""

    name: str
    file: str
    before: str
    after: str
    tests: str


def _of(area: str, tests: str, *mutants: tuple[str, str, str, str]) -> list[Mutant]:
    return [Mutant(name, f"include/{area}/{file}", before, after, tests) for name, file, before, after in mutants]


MUTANTS = [
    *_of(
        "run/approval",
        "tests/unit/run/approval",
        (
            "the requester may approve",
            "policy.py",
            "    if asked_by(answer.by, requester) and not policy.requester_may_approve:",
            "    if False:",
        ),
        (
            "the owner of a token did not ask",
            "policy.py",
            'user == requester or requester.startswith(f"{user}{VIA}")',
            "user == requester",
        ),
        ("silence approves", "policy.py", 'return decided("expired"', 'return decided("approved"'),
        ("anybody may approve", "policy.py", "    if answer.by not in policy.approvers:", "    if False:"),
        ("one person fills two seats", "policy.py", "other.seat != seat for other", "other.seat == seat for other"),
        ("a rejection is passed over", "policy.py", 'if decision.outcome != "approved":', "if False:"),
        ("an approval holds for any plan", "policy.py", "        if decision.digest != digest:", "        if False:"),
        (
            "one approval is enough for two",
            "policy.py",
            "    if len(people) < policy.count:\n        raise ApprovalError",
            "    if not people:\n        raise ApprovalError",
        ),
    ),
    *_of(
        "run/lease",
        "tests/unit/run/lease",
        (
            "a living run's lease is taken",
            "model.py",
            "gone = lease.owner is not None and run_state(lease.owner) not in LIVE",
            "gone = lease.owner is not None",
        ),
        (
            "a dead run keeps its lease",
            "model.py",
            "gone = lease.owner is not None and run_state(lease.owner) not in LIVE",
            "gone = False",
        ),
        ("the queue has no order", "model.py", "and not ahead:", "and True:"),
        ("the fencing number stands still", "model.py", '"fencing": lease.fencing + 1', '"fencing": lease.fencing'),
        ("an old fencing number still writes", "model.py", "    if lease.fencing != fencing:", "    if False:"),
        (
            "somebody else's lease still writes",
            "model.py",
            "    if lease.owner != owner:\n        holder",
            "    if False:\n        holder",
        ),
        (
            "a plan the guard never saw is carried out",
            "model.py",
            "if digest is not None and lease.confirmed_plan != digest:",
            "if False:",
        ),
    ),
    *_of(
        "run",
        "tests/unit/run",
        (
            "a write needs no lease",
            "writer.py",
            "            self._stand(stop)\n        self.check()",
            "            self._stand(stop)",
        ),
        ("a write heeds no stop", "writer.py", "if stop := read_stop(self._lease_store):", "if stop := None:"),
        ("a swap does not look at the version", "store.py", '"version = :expected"', '"attribute_exists(pk)"'),
        (
            "an intent is noted after the write",
            "writer.py",
            'number = add_event(self.store, self.owner, self.step, "intent", what, {**details, "write": write.document()})',
            "number = 0",
        ),
    ),
    *_of(
        "front_door",
        "tests/unit/front_door",
        ("any signature fits", "signature.py", "return same and bool(secret)", "return True"),
        ("no secret is a secret", "signature.py", "return same and bool(secret)", "return same"),
        ("a token never expires", "tokens.py", "if now >= token.expires or store.get", "if store.get"),
        (
            "a revoked token lets in",
            "tokens.py",
            "store.get(*door_documents.token_revoked(token.id)) is not None",
            "False",
        ),
        (
            "any secret is right",
            "tokens.py",
            "not hmac.compare_digest(_digest(credential), document",
            "not bool(document",
        ),
        (
            "the inventory does not limit tokens",
            "tokens.py",
            "given[name] & frozenset(self.runbooks)",
            "frozenset(self.runbooks)",
        ),
        ("a key is for any request", "claims.py", "if found.digest == request.digest:", "if True:"),
        (
            "any branch may start",
            "workflows.py",
            'any(fnmatchcase(str(claims.get("ref") or ""), ref) for ref in workflow.refs)',
            "True",
        ),
        ("any audience is ours", "workflows.py", "workflow.audience in audience", "True"),
        (
            "a fork is deployed",
            "events.py",
            '    if makes and not pull.own and f"{FORK_LABEL}{pull.sha}" not in pull.labels:',
            "    if False:",
        ),
    ),
    *_of(
        "review_apps",
        "tests/unit/review_apps/test_decisions.py",
        ("anybody lets a fork in", "wanted.py", "if given is None or not may_write:", "if given is None:"),
        ("any commit of a fork is let in", "wanted.py", "    if label not in pull.labels:", "    if False:"),
        ("whoever is ahead in the queue is forgotten", "queue.py", "len(living) + len(ahead)", "len(living)"),
        ("another commit serves as well", "deployment/serving.py", "    if says != commit:", "    if False:"),
    ),
    *_of(
        "restart",
        "tests/unit/restart",
        (
            "a group too small is accepted",
            "plan.py",
            "if group.max < 2 * live.desired:",
            "if group.max < live.desired:",
        ),
        (
            "an unsteady service is restarted",
            "readiness.py",
            "if live.running != live.desired or live.pending",
            "if live.pending",
        ),
        (
            "a tag that has moved is ignored",
            "readiness.py",
            "for other in state.images.others if state.images else ():",
            "for other in ():",
        ),
        (
            "a new task may run any image",
            "verification.py",
            "    for name, digests in plan.images:",
            "    for name, digests in ():",
        ),
        ("an ill service is restarted", "readiness.py", "    if len(state.healthy) != live.desired:", "    if False:"),
        (
            "a deployment in progress is ignored",
            "readiness.py",
            "    if len(live.deployments) != 1 or",
            "    if False and",
        ),
        (
            "a short grace period is accepted",
            "readiness.py",
            "live.grace_period < service.boot.total_seconds()",
            "False",
        ),
        ("a count changed by others is ignored", "surge.py", "    if live.desired not in allowed:", "    if False:"),
        (
            "a deployment by others is ignored",
            "surge.py",
            "if live.task_definition != plan.task_definition or len(live.deployments) != 1:",
            "if False:",
        ),
        (
            "a new task that stopped is ignored",
            "surge.py",
            'if task.desired_status == "STOPPED":\n            raise',
            "if False:\n            raise",
        ),
        ("failed loads are waited out for ever", "surge.py", "if load.times > load_progress.TOLERATED:", "if False:"),
        ("old tasks go before new ones are healthy", "surge.py", "    if len(healthy) < plan.count:", "    if False:"),
        (
            "a task from before the mark counts as new",
            "surge.py",
            "if each.task.started_at is None or each.task.started_at < since - timedelta(seconds=1):\n            raise",
            "if False:\n            raise",
        ),
        ("a draining task counts as gone", "surge.py", 'task.task.last_status != "STOPPED"]', "task.is_alive]"),
        (
            "an old task proves a restart",
            "verification.py",
            "if each.task.arn in plan.old_arns or each.task.started_at is None",
            "if each.task.started_at is None",
        ),
        (
            "a proof does not count",
            "verification.py",
            "if not state.service.desired == state.service.running == len(state.alive) == wanted:",
            "if False:",
        ),
        ("a rollback is a success", "rolling.py", "    if why:", "    if False:"),
        (
            "somebody else's deployment is ours",
            "rolling.py",
            "if ours is None or ours is not live.primary:",
            "if ours is None:",
        ),
    ),
    *_of(
        "run/plan",
        "tests/unit/restart",
        ("any account will do", "preconditions.py", "if account != target.environment.account:", "if False:"),
    ),
    *_of(
        "releases",
        "tests/unit/releases",
        (
            "a tag that contains the commit will do",
            "image/rules.py",
            "if tag in image.tags), None)",
            "if tag in str(image.tags)), None)",
        ),
        ("any digest is proved", "image/rules.py", "if proof.digest != image.digest or", "if"),
        ("a scan that failed is clean", "image/rules.py", "    if scan.status not in SCANNED:", "    if False:"),
        ("a way back that expires is one", "image/rules.py", "return len(newer) < number", "return True"),
        (
            "a lower version may follow",
            "production/versions.py",
            "if tags.latest and version < tags.latest:",
            "if False:",
        ),
        ("a version may be released twice", "production/versions.py", "    if same:", "    if False:"),
        ("any exit code is success", "migration/rules.py", "if each.exit_code != 0 or each.reason:", "if each.reason:"),
        (
            "a kill for want of memory is success",
            "migration/rules.py",
            "each.exit_code != 0 or each.reason:",
            "each.exit_code:",
        ),
        (
            "an essential container may die first",
            "migration/rules.py",
            "return each.exit_code in (0, TOLD_TO_STOP) and",
            "return",
        ),
        (
            "a refused start has begun",
            "migration/rules.py",
            '[each for each in recorded if each.outcome != "refused"]',
            "recorded",
        ),
        (
            "any stop code is success",
            "migration/rules.py",
            "if task.stop_code != BY_ITSELF:",
            "if False:",
        ),
        (
            "a migration that lives is started again",
            "migration/rules.py",
            'if task.last_status != "STOPPED":\n            return Next',
            "if False:\n            return Next",
        ),
        (
            "a failed migration is started again by its own run",
            "migration/rules.py",
            'if attempt.run == run and attempt.outcome == "failed":',
            "if False:",
        ),
        (
            "a migration nobody knows the end of is started again",
            "migration/rules.py",
            "if not attempt.outcome and (attempt.run == run or not again):",
            "if False:",
        ),
        (
            "a rolled back service is released again",
            "deployment/rollout.py",
            "    if begun:",
            "    if False:",
        ),
        (
            "a proof needs no digest",
            "deployment/rollout.py",
            "        elif found != digest and found not in platforms:",
            "        elif False:",
        ),
        ("workers need no app", "deployment/rollout.py", "if place < index and (", "if False and ("),
        (
            "CodeDeploy's word is enough",
            "deployment/blue_green.py",
            "if primary is None or primary.task_definition != wanted:",
            "if primary is None:",
        ),
        (
            "a blind alarm is a good one",
            "bake/rules.py",
            "if blind and lasted >= bake.duration + bake.blind_grace:",
            "if False:",
        ),
        (
            "what fired before may not fire again",
            "bake/rules.py",
            'and (before != "ALARM" or alarm.since > since)',
            'and (before != "ALARM")',
        ),
        (
            "a reopened error is an old one",
            "bake/rules.py",
            "added = [each for each in counted if each.id not in before]",
            "added = [each for each in counted if each.id not in before and each.first_seen >= begun]",
        ),
        (
            "skipped checks prove something",
            "production/checks.py",
            "    if any(ended == SUCCESS for _, ended in checks):",
            "    if checks:",
        ),
        (
            "reverts take nothing out",
            "production/reverts.py",
            "            node.undo(False, node)",
            "            node.undo(True, node)",
        ),
        ("the gate is always green", "load_test/rules.py", "    if exit_code != 0:", "    if not str(exit_code):"),
        (
            "somebody else's work is undone",
            "deployment/rollback.py",
            'if where == "elsewhere":\n            raise',
            "if False:\n            raise",
        ),
    ),
    *_of(
        "releases",
        "tests/unit/releases",
        ("two images at once are one", "deployment/plan.py", "if len(live.digests) > 1:", "if False:"),
    ),
    *_of(
        "waiters",
        "tests/unit/waiters",
        ("one look is enough", "poller.py", "done = state.agreed >= wait.agree", "done = progress.done"),
        ("a failure counts at once", "poller.py", "now - state.failing >= DOUBT", "True"),
        ("a wait fires at once", "poller.py", "now - each.since >= self._settle", "True"),
        (
            "the budget is not kept",
            "poller.py",
            "            if self._paying.left < 1:\n                continue",
            "            if False:\n                continue",
        ),
    ),
    *_of(
        "releases",
        "tests/unit/releases/migration/test_rules.py",
        (
            "an exit code of 0 proves a task that ran out of memory",
            "migration/rules.py",
            "if each.exit_code != 0 or each.reason:",
            "if each.exit_code != 0:",
        ),
    ),
    *_of(
        "ecs",
        "tests/unit/ecs/test_service_state.py",
        (
            "a target group stands for a health check",
            "service_state.py",
            'self.health in ("healthy", "none") and self.checks in ("HEALTHY", "none")',
            'self.health in ("healthy", "none")',
        ),
    ),
    *_of(
        "s3copy",
        "tests/unit/s3copy/test_deletion.py",
        (
            "a deletion that S3 answers is believed",
            "deletion.py",
            "        if entry.key in listed:",
            "        if entry.key in refused:",
        ),
    ),
    *_of(
        "terraform",
        "tests/unit/terraform/test_remainder.py",
        (
            "what somebody else has made is left of a creation",
            "remainder.py",
            "        return change.is_unfinished",
            "        return True",
        ),
        (
            "any other attribute is left of a change",
            "remainder.py",
            '    return change.action != "change" or _paths(change) <= _paths(found)',
            "    return True",
        ),
    ),
    *_of(
        "terraform",
        "tests/unit/terraform/test_plan.py",
        (
            "a plan is another one five minutes later",
            "moving.py",
            "if name not in moving}",
            "if name}",
        ),
    ),
    *_of(
        "infrastructure",
        "tests/unit/infrastructure",
        (
            "what stands in the place of something known is made once more",
            "adoption.py",
            "        if each.address in made and each.address in known:",
            "        if False:",
        ),
        (
            "what is not there is imported for ever",
            "adoption.py",
            "        wanted = {address: found for address, found in wanted.items() if address not in absent}",
            "        raise explain(said)",
        ),
        (
            "any failed import passes for one of something absent",
            "adoption.py",
            "{address for each in found if ABSENT in each.text for address",
            "{address for each in found for address",
        ),
        (
            "the apply of a worker that restarts is given up",
            "follow.py",
            "    if where != host() and waited < RETURN:",
            "    if False:",
        ),
        (
            "a worker that is gone is waited for as long as its lock is held",
            "follow.py",
            "        if waited > ELSEWHERE:",
            "        if False:",
        ),
        (
            "what OpenTofu forgets is not in the way",
            "recreation/obstacles.py",
            '    for each in destruction.of("forget"):',
            "    for each in destruction.changes[:0]:",
        ),
    ),
    *(
        Mutant(name, f"tests/invariants/{file}", before, after, "tests/unit/invariants")
        for name, file, before, after in (  # the history checker must notice that it is blind
            (
                "the checker sees no write",
                "history.py",
                'if each.mutates and each.service != "dynamodb" and (each.account, each.role) in ours',
                "if False and ours",
            ),
            (
                "the checker knows no role with a path",
                "history.py",
                'target.environment.role.rsplit("/", 1)[-1]',
                "target.environment.role",
            ),
            (
                "the checker takes a schedule's count for a run's",
                "history.py",
                "if one.desired != other.desired and not set_by_run:",
                "if False and set_by_run:",
            ),
            (
                "the checker takes two stores for one",
                "reading.py",
                "setdefault((account, name)",
                'setdefault(("", name)',
            ),
            ("the checker misses no call", "intents.py", "            found += _unseen(run, made)", "            pass"),
            (
                "the checker lets any call pass",
                "intents.py",
                "        if history.claims(call) is None:",
                "        if False:",
            ),
        )
    ),
]
