"""Attestations in the run store of a staging target: which image was deployed there, and passed."""

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
    """Record that a run has deployed this image and that it passed. The first record stands. Return False if there is one."""
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
    return _proof(next((document for document in found if document["commit"] == commit), found[0]))


def list_attestations(store: RunStore, target: str) -> list[Attestation]:
    """Return the attestations of a staging target, newest first."""
    found = map(_proof, store.list(documents.target_key(target), documents.PROOFS))
    return sorted(found, key=lambda attestation: attestation.at, reverse=True)


def last_attestation(store: RunStore, target: str) -> Attestation | None:
    """Return the newest attestation of a staging target, or None if there is none."""
    return next(iter(list_attestations(store, target)), None)


def _proof(document: Document) -> Attestation:
    return Attestation(
        digest=document["digest"],
        commit=document["commit"],
        target=document["target"],
        run=document["run"],
        at=datetime.fromisoformat(document["at"]),
        templates=document["templates"],
    )
