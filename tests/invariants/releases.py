"""I9, I10, I11: production gets a new version of what staging has proved, while no deployment to staging is running."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from include.releases.production.versions import read_version
from include.run import documents
from tests.invariants.history import Event, History, Kept, Run, Violation

RELEASE, STAGING = "production_release", "staging_deployment"
PUBLISH = "github.PublishRelease"  # the intent of publishing: values tag_name and target_commitish, on the repository


def check_releases(history: History) -> list[Violation]:
    """Check every release of production that changed anything against all three promises."""
    found = [*_versions_grow(history)]
    for run in history.runs.values():
        if run.plan.get("runbook") == RELEASE and (run.intents or history.writes_of(run)):
            begun = min([intent.n for intent in run.intents] + [write.n for write in history.writes_of(run)])
            found += [*_staging_at_rest(history, run, begun), *_proved(history, run, begun), *_images(history, run)]
            found += [*_new_version(run), *_published(run)]
    return found


def _staging_at_rest(history: History, run: Run, begun: float) -> Iterator[Violation]:
    """Check I9: no deployment to staging runs or waits when production is first changed."""
    for name in _staging_targets(history, run):
        lease = history.holder(name, begun)
        if lease is not None:
            busy = [each for each in (lease.owner, *lease.waiting) if each and each.startswith(f"{STAGING}/")]
        else:  # without the table's calls in the log, the journals decide
            busy = [each.id for each in history.runs.values() if each.target == name and _is_deploying(each, begun)]
        for each in busy:
            yield Violation(
                "I9", f"{run.id} began to change {run.target} while {each} was at work on {name}, or waited to be."
            )


def _is_deploying(run: Run, n: float) -> bool:
    if not run.id.startswith(f"{STAGING}/") or not run.events:
        return False
    return run.events[0].n < n and (run.record_n is None or run.record_n > n)


def _staging_targets(history: History, run: Run) -> list[str]:
    system = (run.target or "").split("/")[0]
    return [
        name
        for name, target in history.targets.items()
        if name.split("/")[0] == system and name != run.target
        if target.environment.release and not target.environment.release.proved_on
    ]


def _proved(history: History, run: Run, begun: float) -> Iterator[Violation]:
    """Check I10: a successful run deployed this digest to staging before, in a definition of the same template."""
    plan = run.plan
    image, staging = str(plan.get("image")), plan.get("proved_on")
    proofs = [
        each for each in history.kept if each.sk.startswith(documents.proofs_of(image)) and each.target == staging
    ]
    proof = next((each for each in proofs if each.n < begun and each.document["commit"] == plan.get("commit")), None)
    if proof is None:
        yield Violation(
            "I10",
            f"{run.id} released image {image[:19]} of commit {str(plan.get('commit'))[:12]}, which {staging} had not proved.",
        )
        return
    by = history.run(str(proof.document["run"]), str(staging))
    if by is None or by.record.get("outcome") != "success" or by.target != staging:
        yield Violation(
            "I10",
            f"{run.id} released image {image[:19]} on the proof of {proof.document['run']}, which is no success on {staging}.",
        )
    yield from _templates(run, proof)


def _templates(run: Run, proof: Kept) -> Iterator[Violation]:
    proved: Mapping[str, str] = proof.document.get("templates", {})
    for service in run.plan.get("services", ()):
        there, here = proved.get(service["container"]), service.get("template")
        if there and here and there != here and not run.plan.get("template_differences"):
            yield Violation(
                "I10",
                f"{run.id} released to {service['service']}, whose container {service['container']} is not of the template its "
                "image was proved in, and nobody was shown the difference.",
            )


def _images(history: History, run: Run) -> Iterator[Violation]:
    """Check I10: no other image than that one is deployed."""
    plan = run.plan
    image, known = str(plan.get("image")), {plan.get("readable"), plan.get("commit"), str(plan.get("commit"))[:7]}
    containers = {each["container"] for each in plan.get("services", ())}
    if plan.get("migration"):
        containers.add(plan["migration"]["container"])
    for call in history.writes_of(run):
        if call.name != "ecs.RegisterTaskDefinition" or not call.took_effect:
            continue
        for each in call.params.get("containerDefinitions", ()):
            given = str(each.get("image"))
            name, _, digest = given.partition("@")
            fits = digest == image if digest else name.rpartition(":")[2] in known
            if each.get("name") in containers and not fits:
                yield Violation(
                    "I10",
                    f"Call {call.n:g} of {run.id} registers {call.params.get('family')} with image {given}, not the released "
                    f"{image[:19]}.",
                )


def _new_version(run: Run) -> Iterator[Violation]:
    """Check I11: a higher version, of a green commit on its branch."""
    plan = run.plan
    version, previous = read_version(str(plan.get("version"))), read_version(str(plan.get("previous") or ""))
    if version is None:
        yield Violation("I11", f"{run.id} released {plan.get('version')!r}, which is no version.")
    elif previous is not None and not previous < version:
        yield Violation("I11", f"{run.id} released {version}, which is not higher than {previous} before it.")
    if plan.get("on_branch") is not True or plan.get("checks") != "green":
        yield Violation(
            "I11",
            f"{run.id} released commit {str(plan.get('commit'))[:12]}, which is not known to be green and on its branch.",
        )


def _published(run: Run) -> Iterator[Violation]:
    for each in _publishing(run):
        values = each.write.values
        wanted = (run.plan.get("version"), run.plan.get("commit"))
        if (values.get("tag_name"), values.get("target_commitish")) != wanted:
            yield Violation(
                "I11",
                f"{run.id} published {values.get('tag_name')} at {values.get('target_commitish')}, but {wanted[0]} at {wanted[1]} "
                "was approved.",
            )


def _versions_grow(history: History) -> Iterator[Violation]:
    """Check I11: across all runs, a repository's versions are published once each, in ascending order."""
    published: dict[str, list[tuple[float, Run, str]]] = {}
    for run in history.runs.values():
        for each in _publishing(run):
            outcome = run.outcome_of(each)
            if outcome is not None and outcome.phase in ("done", "found"):
                for repository in each.write.names:
                    tag = str(each.write.values.get("tag_name"))
                    published.setdefault(repository, []).append((each.n, run, tag))
    for repository, found in published.items():
        for (_, one, before), (_, other, after) in pairwise(sorted(found, key=lambda each: each[0])):
            if one is other and before == after:
                continue  # a retry that found its own release
            first, second = read_version(before), read_version(after)
            if first and second and not first < second:
                yield Violation(
                    "I11", f"{other.id} published {after} of {repository} after {one.id} had published {before}."
                )


def _publishing(run: Run) -> list[Event]:
    return [intent for intent in run.intents if str(intent.write) == PUBLISH]
