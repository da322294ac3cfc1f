"""Attestations of region data: which data people have found good on the target that gets it first."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from include.run import documents
from include.run.store import RunStore


def add_data_attestation(store: RunStore, target: str, region: str, digest: str, run: str, by: str) -> bool:
    """Record that `by` found a region's data good after a run. The first record stands. Return False if there is one."""
    document: documents.DataProofDocument = {
        "at": datetime.now(UTC).isoformat(),
        "region": region,
        "digest": digest,
        "run": run,
        "by": by,
    }
    return store.add(*documents.data_proof(target, region, digest), document)


def read_data_attestation(store: RunStore, target: str, region: str, digest: str) -> Mapping[str, Any] | None:
    """Return the record of exactly this data, or None if nobody has checked it."""
    return store.get(*documents.data_proof(target, region, digest))
