"""Attestations in the run store of a staging target: which images were deployed there and passed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from include.run import documents
from include.run.store import Document, RunStore


@dataclass(frozen=True)
class Attestation:
    """The record of a staging deployment: this digest was deployed there and passed."""

    digest: str
    commit: str
    target: str
    run: str
    at: datetime
    templates: Mapping[str, str] = field(
        default_factory=dict
    )  # of each container: what its definition is, but for values


def add_attestation(
    store: RunStore, target: str, digest: str, commit: str, run: str, templates: Mapping[str, str]
) -> bool:
    """Record that a run has deployed this image and that it passed. The first record stands; return False if there is one."""
    document: documents.ProofDocument = {
        "at": datetime.now(UTC).isoformat(),
        "digest": digest,
        "commit": commit,
        "target": target,
        "run": run,
        "templates": dict(templates),
    }
    return store.add(*documents.proof(target, digest, commit), document)


def read_attestation(store: RunStore, target: str, digest: str, commit: str) -> Attestation | None:
    """Return the attestation of an image, preferably of this commit, or None if staging has never attested it."""
    found = list(store.list(documents.target_key(target), documents.proofs_of(digest)))
    if not found:
        return None
    return _proof(next((each for each in found if each["commit"] == commit), found[0]))


def last_attestation(store: RunStore, target: str) -> Attestation | None:
    """Return the newest attestation of a staging target, or None if there is none."""
    return max(
        (_proof(each) for each in store.list(documents.target_key(target), documents.PROOFS)),
        key=lambda each: each.at,
        default=None,
    )


def _proof(each: Document) -> Attestation:
    return Attestation(
        digest=each["digest"],
        commit=each["commit"],
        target=each["target"],
        run=each["run"],
        at=datetime.fromisoformat(each["at"]),
        templates=each["templates"],
    )
