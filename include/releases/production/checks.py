"""Whether the checks of a commit allow its deployment, and what is still missing."""

from collections.abc import Sequence

from include.errors import PreconditionError

Checks = Sequence[tuple[str, str]]  # names with GitHub's conclusions, "" while there is none
SUCCESS = "success"
NOT_DONE = ("neutral", "skipped")  # GitHub lets these pass, although nothing was proved


def ensure_green(commit: str, checks: Checks, required: Sequence[str] = ()) -> bool:
    """Return whether a commit's checks have passed, False while something is missing: see `missing_of`.

    Raises: PreconditionError if a check has failed, or a required one ended without a success.
    """
    failed = [f"{name} ({ended})" for name, ended in checks if ended not in (SUCCESS, *NOT_DONE, "")]
    if failed:
        raise PreconditionError(
            f"Commit {commit[:12]} has failed checks: {', '.join(failed)}; only a green commit is deployed, nothing was "
            "changed."
        )
    unproved = [f"{name} ({ended})" for name, ended in checks if name in required and ended in NOT_DONE]
    if unproved:
        raise PreconditionError(
            f"Commit {commit[:12]} has required checks without a success: {', '.join(unproved)}; run them on this commit, or take "
            "them out of versions.checks, nothing was changed."
        )
    return not missing_of(checks, required)


def missing_of(checks: Checks, required: Sequence[str] = ()) -> str:
    """Return what is missing before a commit is green, or "" if nothing is.

    Checks that are running, required ones that do not exist yet, and a success: checks of which all were skipped prove nothing.
    """
    running = [name for name, ended in checks if not ended]
    absent = [name for name in required if name not in {each for each, _ in checks}]
    if running or absent:
        return ", ".join([*running, *(f"{name}, which has not begun" for name in absent)])
    if any(ended == SUCCESS for _, ended in checks):
        return ""
    names = skipped(checks)
    return f"a check that succeeds (only skipped so far: {', '.join(names)})" if names else "its checks to begin"


def skipped(checks: Checks) -> tuple[str, ...]:
    """Return the checks that ended without having checked anything."""
    return tuple(name for name, ended in checks if ended in NOT_DONE)
