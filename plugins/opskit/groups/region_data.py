"""The steps that put new region data in place of old, and make it live."""

from __future__ import annotations

from airflow.sdk import task

from include.errors import NeighbourAwayError, PreconditionError, RunbookError
from include.operations.data_proofs import add_data_proof
from include.operations.history import list_events
from include.reconcile import reconcile
from include.regions import keeping, publishing, replacing, versioning
from include.regions.looking import list_looks
from include.regions.plan import RegionDataPlan
from include.regions.transfer import WAY_BACK, read_mark, refuse_after_way_back
from include.sheets import note_uris
from opskit.neighbours import open_worksheet
from opskit.operators.decide_way_back import state_of_regions
from opskit.step import Step, step


def plan_of(here: Step) -> RegionDataPlan:
    """Return the confirmed plan, after what became of unanswered writes is on record."""
    plan = RegionDataPlan.model_validate(here.guard["plan"])
    reconcile(here.clients, here.permit)
    return plan


def is_live(here: Step) -> bool:
    """Tell whether the new data is live for good: proved, found good, and nothing went back since."""
    return here.passed("bump_versions") and read_mark(here.table, here.run, WAY_BACK) is None


def left_behind(here: Step) -> str:
    """Say what a run that stopped half way leaves where; nothing if it has written nothing."""
    begun = any(each["phase"] == "intent" for each in list_events(here.table, here.run))
    return "; ".join(state_of_regions(here)) if begun else ""


def found_bad(here: Step) -> bool:
    """Tell whether somebody has found the new data of a region bad."""
    return any(not each.good for each in list_looks(here.table, here.run))


@task
def back_up_data() -> None:
    """Keep what runs now, beside it, region by region."""
    with step() as here:
        for each in plan_of(here).regions:
            keeping.back_up(here.clients, here.permit, each, here.log)


@task
def verify_backup() -> str:
    """Prove every backup before anything is overwritten."""
    with step() as here:
        proved = [keeping.prove_backup(here.clients, here.permit, each) for each in plan_of(here).regions]
        return "; ".join(proved) or "no region had data to keep"
    raise AssertionError("unreachable: step() raises")


@task
def overwrite_data() -> None:
    """Copy the new data over the old, region by region."""
    with step() as here:
        here.proof_of("verify_backup")
        for each in plan_of(here).regions:
            replacing.overwrite(here.clients, here.permit, each, here.log)


@task
def verify_data() -> str:
    """Prove that every region has its new data, and remove what that does not have if it was asked for."""
    with step() as here:
        plan = plan_of(here)
        proved = [
            replacing.prove_data(here.clients, here.permit, each, remove=plan.remove_stale) for each in plan.regions
        ]
        return "; ".join(proved) or "no region had data to overwrite"
    raise AssertionError("unreachable: step() raises")


@task
def publish_regions() -> str:
    """Put new regions into the table from which services learn what to load."""
    with step() as here:
        here.proof_of("verify_data")
        refuse_after_way_back(here.permit)
        return publishing.publish(here, here.permit, plan_of(here).publications)
    raise AssertionError("unreachable: step() raises")


@task
def name_regions() -> list[str]:
    """Return the regions that people are asked to look at."""
    with step() as here:
        here.proof_of("renewal.verify_restart")  # nobody looks at old data in the belief that it is new
        plan = here.guard["plan"]
        return [each["region"] for each in (*plan["regions"], *plan["publications"])]
    raise AssertionError("unreachable: step() raises")


@task
def bump_versions() -> str:
    """Give maps a new key, now that every task runs on the new data and people have found it good."""
    with step() as here:
        plan = plan_of(here)
        refuse_after_way_back(here.permit)
        here.proof_of("renewal.verify_restart")
        looks = {each.region: each for each in list_looks(here.table, here.run) if each.good}
        if missing := [each.region for each in plan.everything if each.region not in looks]:
            raise PreconditionError(
                f"Nobody is on record as having found {', '.join(missing)} good; a question marked as success by hand is no answer, "
                "clear confirm_qa to have it asked again."
            )
        said = versioning.bump(here, here.permit, plan.regions, attempt="update")
        if here.target.looked_at_on is None:
            for each in plan.everything:
                by = str(looks[each.region].by)
                add_data_proof(here.table, here.target.name, each.region, each.digest, here.run, by)
        return said
    raise AssertionError("unreachable: step() raises")


@task
def update_sheet() -> str:
    """Put every region's URI into the tracking sheet; a sheet that is away costs the run nothing."""
    with step() as here:
        sheet = here.target.region_data.sheet
        if sheet is None:
            return f"no sheet is kept for {here.target.name}"
        plan = here.guard["plan"]
        uris = {each["region"]: each["existing"] for each in plan["regions"]}
        uris |= {each["region"]: each["data"] for each in plan["publications"]}
        try:
            said = note_uris(open_worksheet(sheet), sheet, uris)
        except (NeighbourAwayError, RunbookError) as error:
            pairs = ", ".join(f"{region}: {uri}" for region, uri in uris.items())
            said = f"the tracking sheet was not updated ({error}); put this into its column {sheet.uri!r}: {pairs}"
        here.permit.note(said)
        return said
    raise AssertionError("unreachable: step() raises")
