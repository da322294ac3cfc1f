"""Which sentences of a wait its log gets."""

from datetime import UTC, datetime, timedelta

from include.waiters.progress import ProgressLog

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def logged(*texts: str, minutes: float = 1.0) -> list[str]:
    progress = ProgressLog()
    return [text for n, text in enumerate(texts) if progress.is_due(text, NOON + n * timedelta(minutes=minutes))]


def test_sentence_in_which_only_the_time_has_changed_is_logged_every_five_minutes():
    assert logged(*(f"1 of 2 healthy, {n} min of usually 8 min" for n in range(11))) == [
        "1 of 2 healthy, 0 min of usually 8 min",
        "1 of 2 healthy, 5 min of usually 8 min",
        "1 of 2 healthy, 10 min of usually 8 min",
    ]


def test_progress_is_logged_at_once():
    assert logged("1 of 2 healthy, 1 min", "2 of 2 healthy, 1 min") == [
        "1 of 2 healthy, 1 min",
        "2 of 2 healthy, 1 min",
    ]


def test_failure_that_lasts_is_logged_once_and_again_when_it_comes_back():
    lasting = [f"AWS did not answer, for {n} s by now: throttled" for n in (0, 15, 30)]
    assert logged(*lasting, "2 of 2 healthy", lasting[2], minutes=0.25) == [lasting[0], "2 of 2 healthy", lasting[2]]
