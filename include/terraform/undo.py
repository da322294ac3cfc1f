"""How a planned change is undone, and what of it is not: in words that promise nothing that AWS does not keep.

Applying the commit before makes the same resources again. It brings back no data, no address that AWS gave away, and no secret.
"""

from collections.abc import Iterator

from include.terraform.kinds import kind_of
from include.terraform.plan import ResourceChange
from include.terraform.shown import Attribute

BEFORE = "apply the commit before"

# what a change in place takes with it, by type and attribute; asked only if the value gets smaller, or is not shown as a number
SMALLER = {
    ("aws_cloudwatch_log_group", "retention_in_days"): "log lines older than the new retention are deleted for good",
    (
        "aws_db_instance",
        "backup_retention_period",
    ): "automated backups older than the new retention are deleted for good",
    (
        "aws_rds_cluster",
        "backup_retention_period",
    ): "automated backups older than the new retention are deleted for good",
    (
        "aws_elasticache_replication_group",
        "snapshot_retention_limit",
    ): "snapshots beyond the new limit are deleted for good",
    ("aws_sqs_queue", "message_retention_seconds"): "messages older than the new retention are deleted for good",
}
# what AWS does not take back, whatever the commit before says: it gets bigger, or newer
ONE_WAY = {
    ("aws_db_instance", "allocated_storage"): "RDS does not make storage smaller",
    ("aws_db_instance", "engine_version"): "RDS does not downgrade an engine",
    ("aws_rds_cluster", "engine_version"): "RDS does not downgrade an engine",
    ("aws_elasticache_replication_group", "engine_version"): "ElastiCache downgrades an engine only by a replacement",
    ("aws_opensearch_domain", "engine_version"): "OpenSearch does not downgrade a domain",
    ("aws_eks_cluster", "version"): "EKS does not downgrade a cluster",
}


def undo(change: ResourceChange) -> str:
    """Return how a change is undone, in a sentence without its full stop."""
    kind = kind_of(change.type)
    match change.action:
        case "create":
            lost = ", and what is in it by then is lost" if kind.data else ""
            return f"{BEFORE}: Terraform destroys it{lost}"
        case "change":
            why = [ONE_WAY[key] for attribute in change.attributes if (key := (change.type, attribute.path)) in ONE_WAY]
            return f"{BEFORE}, but not all of it goes back: {'; '.join(why)}" if why else BEFORE
        case "replace" | "destroy":
            return _undo_loss(change, kind.data)
        case "forget":
            return f"import it again by its id{f' {change.id}' if change.id else ''}; it stays in AWS meanwhile"
        case "import":
            return "remove it from the state (terraform state rm); it stays in AWS"
        case _:
            return "move it back in the configuration"


def losses(change: ResourceChange) -> Iterator[str]:
    """Yield what is lost for good, or what AWS will refuse, one sentence each."""
    kind = kind_of(change.type)
    if change.action == "change":
        for attribute in change.attributes:
            if (key := (change.type, attribute.path)) in SMALLER and _smaller(attribute):
                yield f"{change.address}: {SMALLER[key]} ({attribute.before} to {attribute.after})."
        return
    if change.action not in ("destroy", "replace") or change.forgets_old:
        return
    if kind.protection and change.setting(kind.protection) == kind.protecting:
        yield (
            f"{change.address}: AWS refuses to delete it while {kind.protection} is {kind.protecting}, as it is in the state; apply its "
            "opposite first."
        )
    if kind.data:
        yield f"{change.address}: {kind.data} {_ends(change)}."
    for name in kind.left_behind:
        if change.setting(name) == "true":
            yield f"{change.address}: it stays in AWS on purpose, {name} is set."


def _undo_loss(change: ResourceChange, data: str) -> str:
    if change.forgets_old:
        return f"{BEFORE}; the old one stays in AWS meanwhile, in no state"
    if data:
        return f"{data} {_ends(change)}; applying the commit before makes a new one without it"
    if change.type == "aws_eip":
        return f"{BEFORE}, but its address is lost: the new one has another"
    if change.action == "replace":
        return f"{BEFORE}, which replaces it again"
    new = ", but the new one has another address or id" if kind_of(change.type).dns else ""
    return f"{BEFORE}: Terraform creates it again{new}"


def _ends(change: ResourceChange) -> str:
    """Return what becomes of the data, as the settings in the state decide it."""
    if "skip_final_snapshot" in kind_of(change.type).before_destroy:
        if change.setting("skip_final_snapshot") == "true":
            return "is lost for good, no final snapshot is made (skip_final_snapshot is true); only other snapshots and backups are left"
        name = change.setting("final_snapshot_identifier")
        if not name:
            return "cannot be deleted, a final snapshot is asked for and has no name (final_snapshot_identifier)"
        return f"is lost but for a final snapshot {name}, from which it can be restored; the destruction fails if that name is taken"
    match change.type:
        case "aws_secretsmanager_secret":
            days = change.setting("recovery_window_in_days") or "30"
            if days == "0":
                return "is lost for good, at once (recovery_window_in_days is 0)"
            return f"can be restored for {days} days, and its name stays taken meanwhile"
        case "aws_kms_key" | "aws_kms_replica_key":
            days = change.setting("deletion_window_in_days") or "30"
            return f"is unreadable afterwards; the deletion of the key can be cancelled for {days} days"
        case "aws_s3_bucket":
            if change.setting("force_destroy") == "true":
                return "are deleted with all their versions (force_destroy is true)"
            return "keep it from being deleted: it has to be emptied first, with old versions and delete markers"
        case "aws_cloudwatch_log_group" if change.setting("skip_destroy") == "true":
            return "stay"
        case "aws_elasticache_cluster" | "aws_elasticache_replication_group":
            if name := change.setting("final_snapshot_identifier"):
                return f"is lost but for a final snapshot {name}"
    plural = (kind_of(change.type).data.split()[-1]).endswith("s")
    return f"{'are' if plural else 'is'} lost for good"


def _smaller(attribute: Attribute) -> bool:
    """Tell whether a retention gets shorter. What cannot be compared counts as shorter."""
    forever = (
        attribute.path == "retention_in_days"
    )  # 0 days of a log group's retention are for ever, 0 of a backup's none
    try:
        before, after = int(attribute.before or "0"), int(attribute.after or "0")
    except ValueError:
        return True
    if forever:
        return after != 0 and (before == 0 or after < before)
    return after < before
