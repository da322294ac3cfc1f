"""The attempts of an apply that AWS refuses for a while: each has its own documents, plan file and folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.aws.clients import Clients
from include.infrastructure.context import InfrastructureContext
from include.inventory import Target
from include.run import terraform_documents as documents
from include.run.store import RunStore
from include.run.writer import FencedWriter
from include.terraform.errors import AccessLogsRefusedError
from include.waiters.progress import Progress

if TYPE_CHECKING:
    from github.Repository import Repository


@dataclass(frozen=True)
class Attempt:
    """The context of one more attempt of an apply. All but the apply's own name is that of the step."""

    step: InfrastructureContext
    number: int

    @property
    def apply_id(self) -> str:
        return attempt_id(self.step.apply_id, self.number)

    @property
    def target(self) -> Target:
        return self.step.target

    @property
    def clients(self) -> Clients:
        return self.step.clients

    @property
    def run(self) -> str:
        return self.step.run

    @property
    def infrastructure(self) -> Repository:
        return self.step.infrastructure

    @property
    def store(self) -> RunStore:
        return self.step.store

    @property
    def writer(self) -> FencedWriter:
        return self.step.writer

    def store_of(self, target: str) -> RunStore:
        return self.step.store_of(target)

    def tell_progress(self, progress: Progress) -> None:
        self.step.tell_progress(progress)


def attempt_id(apply_id: str, number: int) -> str:
    """Return the owner of an attempt's documents. The first attempt is the apply itself."""
    return f"{apply_id}#attempt-{number}" if number else apply_id


def attempts_made(ctx: InfrastructureContext) -> Iterator[InfrastructureContext]:
    """Yield the contexts of an apply's attempts, the first one included, as far as they are on record."""
    yield ctx
    for number in range(1, AccessLogsRefusedError.attempts + 1):
        attempt = Attempt(ctx, number)
        if ctx.store.get(*documents.attempt(attempt.apply_id)) is None:
            return
        yield attempt
