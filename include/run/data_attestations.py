"""Which region data people have looked at, and found good, on the target that gets it first."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from include.run import documents
from include.run.store import RunStore


def add_data_attestation(store: RunStore, target: str, region: str, digest: str, run: str, by: str) -> bool:
    """Put on record that `by` found a region's data good after a run; the first stands, False if there is one."""
    document: documents.DataProofDocument = {
        "at": datetime.now(UTC).isoformat(),
        "region": region,
        "digest": digest,
        "run": run,
        "by": by,
    }
    return store.add(*documents.data_proof(target, region, digest), document)


def read_data_attestation(store: RunStore, target: str, region: str, digest: str) -> Mapping[str, Any] | None:
    """Return what is on record of this very data; None if nobody has looked at it."""
    return store.get(*documents.data_proof(target, region, digest))
