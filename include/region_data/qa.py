"""Answers of people about their test maps: one per region, on record. The first answer counts."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from include.errors import RunbookError
from include.run import documents
from include.run.params import shown
from include.run.store import RunStore

GOOD = "It loads, and counties and block groups can be edited"
BAD = "Something is wrong"
LONGEST_NOTE = 1_000  # characters


class WrongAnswerError(RunbookError):
    """The answer does not fit the question. It was not recorded, and the question has to be asked again."""


class QaAnswer(BaseModel):
    """One region's answer. `by` is None if nobody answered in time, which counts as bad."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: str
    good: bool
    by: str | None
    at: datetime
    note: str = ""

    @property
    def text(self) -> str:
        """The answer as a sentence without its full stop."""
        if self.by is None:
            return f"nobody looked at {self.region} in time"
        said = f": {self.note}" if self.note else ""
        return f"{self.by} found {self.region} {'good' if self.good else 'not good'}{said}"


def judge(region: str, chosen: str | None, by: str | None, looked_at: str, note: str) -> QaAnswer:
    """Return what an answer means. `looked_at` is the region that the person names.

    Raises: WrongAnswerError.
    """
    now = datetime.now(UTC)
    if chosen is None or by is None:
        return QaAnswer(region=region, good=False, by=None, at=now)
    good = chosen == GOOD
    if good and looked_at.strip().upper() != region:
        raise WrongAnswerError(
            f"{by} answered for {shown(looked_at.strip() or 'no region')}, and the question was about {region}; it is asked again."
        )
    return QaAnswer(region=region, good=good, by=by, at=now, note=note.strip()[:LONGEST_NOTE])


def add_answer(store: RunStore, run: str, look: QaAnswer) -> QaAnswer:
    """Record an answer. Return the one that counts, which may be an earlier one."""
    place = documents.look(run, look.region)
    if store.add(*place, look.model_dump(mode="json")):
        return look
    return QaAnswer.model_validate(store.get(*place))


def list_answers(store: RunStore, run: str) -> list[QaAnswer]:
    """Return the answers so far."""
    return [QaAnswer.model_validate(each) for each in store.list(documents.run_key(run), documents.LOOKS)]
