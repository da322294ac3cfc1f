"""What an error of Terraform means, as one sentence with the way out and one of our classes.

What a provider says may hold a secret: AWS repeats values that it does not accept. So a message of ours has names and error codes
only, and of an error that is not known no more than its address and how it begins.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from include.errors import ApplyFailedError, PreconditionError, RunbookError
from include.terraform.diagnosis import Problem, problems
from include.terraform.events import ChangeSummary, Event, Operation
from include.terraform.locks import Lock, LockKind, parse_lock_info
from include.terraform.progress import Progress
from include.text import one_line

LONGEST = 200  # characters of what is shown of an error that is not known
MORE = 3  # other errors in a message
ANSWERED = re.compile(
    r"^(.*?)(?:: )?operation error (.+?): (\w+), .*?RequestID: [^,]*, (?:HostID: [^,]*, )?(?:api error )?(?!HostID)(\w+): "
)
UNANSWERED = re.compile(r"^(.*?)(?:: )?operation error (.+?): (\w+), .*request send failed, .*: ([a-zA-Z/ ]+)$")
DENIED = re.compile(
    r"AccessDenied|api error Forbidden|not authorized to perform"
)  # Forbidden: an answer without a body
OLDER = re.compile(r"^(.*?): ([A-Z][A-Za-z]+(?:\.[A-Za-z]+)*): .*?status code: \d+")


class LockHeldError(PreconditionError):
    """Another Terraform holds the state. `lock`: what its Lock Info says."""

    def __init__(self, message: str, lock: Lock | None):
        super().__init__(message)
        self.lock = lock


class StalePlanError(PreconditionError):
    """The plan was made for a state, a lock file or a configuration that is no longer the one there. A new plan is needed."""


class AccessLogsRefusedError(ApplyFailedError):
    """ELB may not write to its bucket yet, since its policy is new: a new plan and apply after `wait`, at most `attempts` times."""

    wait = timedelta(seconds=60)  # 30 seconds were reported not to be enough, 60 were
    attempts = 5


@dataclass(frozen=True)
class Known:
    """An error that is known by its text. `says`: named groups of the pattern, and `at`, the address, are filled in."""

    pattern: re.Pattern[str]
    says: str
    before: type[PreconditionError] = PreconditionError  # if nothing was changed
    halfway: type[ApplyFailedError] = ApplyFailedError
    missing: str = "it"  # what stands for a group that the text does not have


def _known(pattern: str, says: str, *more: type, missing: str = "it") -> Known:
    before = next((each for each in more if issubclass(each, PreconditionError)), PreconditionError)
    halfway = next((each for each in more if issubclass(each, ApplyFailedError)), ApplyFailedError)
    return Known(re.compile(pattern), says, before, halfway, missing)


# the first that fits an error, so the more special come first; texts as of Terraform 1.11 and AWS provider 5.100
KNOWN = (
    _known(
        r"Failed to (?:save|persist) state|errored\.tfstate",
        "Terraform could not write its state to the bucket, so it is in the file errored.tfstate of its folder; make the bucket "
        "writable, then push that file (state push errored.tfstate) before anything else is planned",
    ),
    _known(
        r"Instance cannot be destroyed.*?Resource (?P<resource>\S+) has lifecycle\.prevent_destroy set",
        "{resource} may not be destroyed, the code sets prevent_destroy; take it out of the plan, or set it to false in the code and "
        "apply that first",
    ),
    _known(
        r"Access Denied for bucket: (?P<bucket>\S+?)\.? Please check S3 ?bucket permission|S3Bucket validation transient issue",
        "the load balancer {at} may not write its access logs to bucket {bucket} yet, which is usual right after its policy was made; "
        "apply again in a minute, and if it stays so, correct the bucket's policy",
        AccessLogsRefusedError,
        missing="of its logs",
    ),
    _known(
        r"(?:^.*?Secret \((?P<secret>[^)]+)\).*|)already scheduled for deletion",
        "the secret {secret} is still scheduled for deletion, so its name is taken; restore and import it, or delete it for good "
        "(delete-secret --force-delete-without-recovery) and wait until it is gone",
        missing="of that name",
    ),
    _known(
        r"(?:^.*?Bucket \((?P<bucket>[^)]+)\).*|)BucketNotEmpty",
        "bucket {bucket} still holds objects, old versions or delete markers, so AWS does not delete it; empty it, with its versions",
        missing="of {at}",
    ),
    _known(
        r"DB(?:Cluster)?SnapshotAlreadyExists(?:Fault)?.*?identifier (?P<snapshot>[\w-]+)|DB(?:Cluster)?SnapshotAlreadyExists",
        "a snapshot {snapshot} already exists, so the final snapshot cannot be made under that name; apply another "
        "final_snapshot_identifier first, or delete the old snapshot",
        missing="of that name",
    ),
    _known(
        r"SnapshotQuotaExceeded|[Cc]annot create more than \d+ manual snapshots",
        "the account has as many manual snapshots of databases as it may have, so no final snapshot can be made; delete some, or have "
        "the quota raised",
    ),
    _known(
        r"(?:^.*?(?:Instance|Cluster|Balancer|Pool|Table) \((?P<name>[^)]+)\).*|)"
        r"(?:Cannot delete protected|deletion protection|[Tt]ermination protection|disableApiTermination)",
        "{name} is protected against deletion in AWS; apply its protection as false first, since a destroy reads the state and not "
        "the code",
        missing="{at}",
    ),
    _known(
        r"InvalidViewerCertificate",
        "CloudFront does not accept the certificate of {at}: it is not issued yet, or not in us-east-1; wait until it is issued (the "
        "DNS records of its validation have to exist), then apply again",
    ),
    _known(
        r"Saved plan (?:is stale|does not match the given state)",
        "the state has changed since the plan was made, so the plan is stale; make a new plan and have it approved",
        StalePlanError,
    ),
    _known(
        r"plan file was created with a different set of external dependency selections",
        "the providers' lock file (.terraform.lock.hcl) is another one than that of the plan; make a new plan and have it approved",
        StalePlanError,
    ),
    _known(
        r"Inconsistent dependency lock file|there is no package for (?P<package>\S+ \S+) cached|Required plugins are not installed",
        "the providers that are installed are not those of the lock file (.terraform.lock.hcl); commit a lock file that fits the code, "
        "and have init run again",
    ),
    _known(
        r"doesn't match any of the checksums",
        "a provider's package is another one than the lock file (.terraform.lock.hcl) has checksums of; if the package is right, add "
        "its platform (providers lock -platform=...) and commit the lock file, else find out who changed the package",
    ),
    _known(
        r"Plugin did not respond|plugin crashed|panic: |fatal error: |(?:TERRAFORM|OPENTOFU) CRASH|SIG[A-Z]+: |"
        r"(?:transport is closing|connection is shutting down)",
        "a provider or Terraform itself crashed{near}; look at the output for the cause, and start again with the same version, or "
        "another one of the provider",
    ),
    _known(
        r"Cannot assume IAM Role.*?IAM Role \((?P<role>[^)]+)\)|Cannot assume IAM Role|not authorized to perform: sts:AssumeRole",
        "the role {role} may not be assumed; allow it in the role's trust policy and in the caller's own policy, or correct the role "
        "in the inventory",
        missing="of the target",
    ),
    _known(
        r"ExpiredToken|RequestExpired|token included in the request is expired|InvalidClientTokenId|"
        r"token included in the request is invalid|UnrecognizedClientException|AuthFailure",
        "AWS does not accept the credentials: they are expired or wrong; put valid ones into the target's Airflow connection",
    ),
    _known(
        r"No valid credential sources?(?: for .*?)? found|failed to refresh cached credentials|no EC2 IMDS role found|"
        r"NoCredentialProviders",
        "Terraform found no AWS credentials; put them into the target's Airflow connection",
    ),
    _known(
        r"S3 bucket \"?(?P<bucket>[^\s\"]+)\"? does not exist|NoSuchBucket",
        "the bucket {bucket} does not exist; create it, or correct its name in the inventory",
        missing="of the state",
    ),
    _known(
        r"No value for required variable.*?variable \"(?P<variable>[^\"]+)\"",
        "the variable {variable} has no value; give it one in the inventory, its SSM parameter or the settings bucket's tfvars",
    ),
    _known(
        r"Unsupported (?:Terraform|OpenTofu) Core version.*?(?:Terraform|OpenTofu) version (?P<version>[\w.-]*\w)",
        "the code does not accept version {version} of Terraform; set the version of the inventory to one that the code's "
        "required_version accepts",
    ),
    _known(
        r"does not have the expected content|state checksum",
        "the state in the bucket is not the one whose checksum is in the lock table, which happens if it was put back by hand or its "
        "write was interrupted; put the right version back, or correct the table's Digest",
    ),
    _known(
        r"Error releasing the state lock",
        "Terraform could not release its lock of the state; make sure that it has ended, then release it (force-unlock)",
    ),
    _known(
        r"(?:Backend|Module) (?:initialization required|not installed)|Missing required provider",
        "the folder is not initialised for this code; run init first",
    ),
    _known(
        r"(?P<code>\w*(?:LimitExceeded|QuotaExceeded|TooMany\w+|CountExceeded|VcpuLimit)\w*)",
        "AWS refuses {at} because of a quota ({code}); remove what is no longer needed there, or have the quota raised",
    ),
    _known(
        r"^.*?not authorized to perform: (?P<action>[\w:*]+)|AccessDenied|UnauthorizedOperation|AuthorizationError|not authorized",
        "the role may not do {action}{near}; give it that right, which is in the policy that this repository has for the runbook",
        missing="what it was asked to",
    ),
)


def explain(events: Iterable[Event]) -> RunbookError:
    """Return what went wrong in a command that changes nothing, such as `init`, `validate` or `plan`."""
    return _explain(list(events), changed=False)


def explain_apply(events: Iterable[Event]) -> RunbookError:
    """Return what went wrong in an apply or a destroy: PreconditionError if it is sure that it changed nothing, else ApplyFailedError.

    An output without an error is that of a process which was killed, so what it does not tell may have begun all the same.
    """
    everything = list(events)
    begun = [each for each in everything if isinstance(each, Operation) and each.action != "read"]
    done = [each for each in everything if isinstance(each, ChangeSummary) and each.operation != "plan"]
    return _explain(everything, changed=bool(begun) or any(each.total for each in done) or not problems(everything))


def _explain(events: list[Event], *, changed: bool) -> RunbookError:
    found = problems(events)
    if lock := next((each for each in found if _is_locked(each)), None):
        return _lock_held(lock)
    ranked = sorted(((place, known, problem) for problem in found if (place := _place(problem)) is not None
                     for known in [KNOWN[place]]), key=lambda each: each[0])  # fmt: skip
    if ranked:
        _, known, problem = ranked[0]
        alike = [each for _, other, each in ranked if other is known]
        sentence, error = _sentence(known, problem, alike), known
        if known.halfway is AccessLogsRefusedError and len(alike) < len(
            found
        ):  # another attempt meets the others again
            error = Known(known.pattern, known.says, known.before)
    elif found:
        sentence, error = _unknown(found[0]), Known(re.compile(""), "")
    else:
        sentence = "Terraform ended without saying what went wrong; look at its output, and compare the state with AWS"
        error = Known(re.compile(""), "")
    others = len(found) - 1
    more = (
        f" There {'is one more error' if others == 1 else f'are {others} more errors'} in its output."
        if others > 0
        else ""
    )
    if not changed:
        return error.before(f"{_capital(sentence)}. Nothing was changed.{more}")
    progress = Progress()
    progress.add(events)
    return error.halfway(
        f"The apply stopped half way ({progress.text_at_end()}): {sentence}. What was made stays, and this plan is stale: after that, "
        f"make a new plan and have it approved.{more}"
    )


def _is_locked(problem: Problem) -> bool:
    """Tell whether somebody else holds the state. Who may not take the lock gets the same title."""
    return "Error acquiring the state lock" in problem.text and not DENIED.search(problem.text)


def _lock_held(problem: Problem) -> LockHeldError:
    kind: LockKind = (
        "dynamodb"
        if "operation error DynamoDB" in problem.text
        else "s3"
        if "operation error S3" in problem.text
        else ""
    )
    lock = parse_lock_info(f"{problem.detail}", kind)
    who = f"{lock.path} is locked by {lock}" if lock and lock.id else "The state is locked, and nobody says by whom"
    return LockHeldError(
        f"{who}; wait until that has ended, or if it is proved gone, release its lock (force-unlock). Nothing was changed.",
        lock,
    )


def _place(problem: Problem) -> int | None:
    return next((place for place, known in enumerate(KNOWN) if known.pattern.search(problem.text)), None)


def _sentence(known: Known, problem: Problem, alike: list[Problem]) -> str:
    """Return what is known of an error, with the names in it; `alike` are all errors of its kind, which may name more."""
    groups: dict[str, list[str]] = {name: [] for name in known.pattern.groupindex}
    for each in alike:
        match = known.pattern.search(each.text)
        for name, value in (match.groupdict() if match else {}).items():
            if value and value not in groups[name]:
                groups[name].append(value)
    at = problem.address or "it"
    words = {name: ", ".join(values[:MORE]) or known.missing.format(at=at) for name, values in groups.items()}
    return known.says.format(at=at, near=f" (at {problem.address})" if problem.address else "", **words)


def _unknown(problem: Problem) -> str:
    """Return the beginning of an error, without what AWS said of the values."""
    summary, said = one_line(problem.summary), ""
    if match := ANSWERED.search(summary):
        summary, said = match[1], f"AWS answers {match[4]} to {match[2]} {match[3]}"
    elif match := UNANSWERED.search(summary):
        summary, said = match[1], f"AWS could not be asked for {match[2]} {match[3]}: {match[4]}"
    elif match := OLDER.search(summary):
        summary, said = match[1], f"AWS answers {match[2]}"
    summary = summary if len(summary) <= LONGEST else f"{summary[: LONGEST - 3]}..."
    where = f" at {problem.address}" if problem.address else ""
    what = ": ".join(each for each in (summary.rstrip(":. "), said) if each)
    return f"Terraform met an error{where} ({what}), whose detail may hold secrets and is in its output only; correct it there"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text.split(" ")[0].isalpha() else text  # an address stays as it is
