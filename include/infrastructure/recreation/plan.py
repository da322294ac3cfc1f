"""The plan of infrastructure_recreation: all that is in the way, what is done about it, what is destroyed and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from include.releases.model import Migration
from include.run.plan.model import Frozen, Plan

Databases = Literal["restore", "empty", "seed"]
Objects = Literal["return", "archive"]
Secrets = Literal["renew", "keep"]


class Choices(Frozen):
    """What the operator chose for each kind of data."""

    databases: Databases = "restore"  # from the snapshot that is made first, as the code makes them, or that and seeded
    objects: Objects = "return"  # those of buckets: copied back from the archive, or only kept there
    secrets: Secrets = "keep"  # restored with their values, or deleted for good and entered anew by people


class Doomed(Frozen):
    """A resource that is destroyed."""

    address: str
    type: str
    id: str


class Database(Frozen):
    """A database that is destroyed, and the snapshot that is made of it before.

    `earlier`: a run before this one has made the snapshot and destroyed the database.
    """

    address: str
    instance: str  # or the cluster
    snapshot: str
    earlier: bool = False
    cluster: bool = False  # of Aurora: its snapshots are of another kind


class Bucket(Frozen):
    """A bucket that is destroyed. `archive` is where its current objects are copied before it is emptied.

    `earlier`: a run before this one has done so.
    """

    address: str
    bucket: str
    archive: str  # s3://bucket/prefix/
    earlier: bool = False


class DoomedSecret(Frozen):
    """A secret that is destroyed.

    `earlier`: a run before this one has destroyed it, and its name is still taken.
    """

    address: str
    name: str
    earlier: bool = False


class InfrastructureRecreationPlan(Plan):
    """The plan of a recreation. What Terraform's plans rest on is part of its digest.

    The plan files themselves are made in the run, since each apply moves the state. They may do nothing but what stands here.
    """

    commit: str
    tool: str  # with its version
    lock_file: str  # SHA-256; it fixes the providers
    workspace: str
    lineage: str
    serial: int
    variables: Mapping[str, str]  # a hash of each by its name
    fingerprint: str  # of all that is destroyed, shown or not
    modules: tuple[str, ...]  # empty: everything in the state
    choices: Choices
    doomed: tuple[Doomed, ...]
    unfinished: tuple[str, ...] = ()  # of these, addresses that an earlier build has made and not finished
    stays: tuple[Doomed, ...]  # of these, what Terraform leaves in AWS, and the build takes into the state again
    unprevented: tuple[str, ...]  # addresses whose prevent_destroy is set aside
    lifted: Mapping[str, Mapping[str, bool | int | str]]  # arguments that an apply sets before, by address
    databases: tuple[Database, ...]
    buckets: tuple[Bucket, ...]
    secrets: tuple[DoomedSecret, ...]
    seed: Migration | None  # the one-off task that fills the databases once they are built
    definitions: tuple[str, ...]  # ARNs of task definitions that Terraform would leave behind
    approvers: int
    typed: str  # what an approver has to type
