"""The performance gate compares figures. Missing figures do not pass."""

import pytest

from include.errors import BakeFailedError
from include.inventory.releases import Threshold
from include.releases.load_test.rules import judge_load_test, read_measured

LIST = Threshold(path="/logs", milliseconds=250, per_second=5)


def report(
    path: str = "/logs", *, done: int = 50, failed: int = 0, non_2xx: int = 0, rps: float = 6.25, ms: float = 160
) -> list[str]:
    return [
        "Document Path:          " + path,
        "Concurrency Level:      50",
        f"Complete requests:      {done}",
        f"Failed requests:        {failed}",
        *([f"Non-2xx responses:      {non_2xx}"] if non_2xx else []),
        f"Requests per second:    {rps} [#/sec] (mean)",
        f"Time per request:       {ms * 50} [ms] (mean)",
        f"Time per request:       {ms} [ms] (mean, across all concurrent requests)",
    ]


def judged(lines: list[str], exit_code: int | None = 0) -> str:
    return judge_load_test(exit_code, read_measured(lines), [LIST])


def test_page_fast_enough_passes_with_its_figures():
    assert judged(report()) == "performance: /logs: 6.25 requests/s, 160 ms/request"


def test_thresholds_themselves_pass():
    assert judged(report(rps=5, ms=250))


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (report(ms=250.1), "/logs: 250.1 ms a request, at most 250 allowed"),
        (report(rps=4.99), "/logs: 4.99 requests a second, at least 5 needed"),
        (report(failed=1), "/logs: 1 failed requests"),
        (report(non_2xx=50), "/logs: 50 answers other than 2xx"),
        (report(done=49), "/logs: 49 requests completed of 50"),
        (report("/other"), "/logs was not measured"),
        ([], "/logs was not measured"),
        (["Document Path: /logs", "apr_socket_recv: Connection refused"], "no ms a request"),
        ([*report(), *report(ms=900)], "900 ms a request"),
    ],
)
def test_anything_worse_or_not_measured_fails(lines: list[str], problem: str):
    with pytest.raises(BakeFailedError) as caught:
        judged(lines)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("code", "said"), [(1, "exited with 1"), (None, "exited with no exit code"), (255, "with 255")]
)
def test_exit_code_is_compared_as_a_number_however_good_the_figures(code: int | None, said: str):
    with pytest.raises(BakeFailedError, match=said):
        judged(report(), code)


def test_task_that_was_ended_half_way_does_not_pass_although_its_exit_code_is_0():
    with pytest.raises(
        BakeFailedError, match=r"^The performance test did not pass: SpotInterruption: AWS took it back\."
    ):
        judge_load_test(0, read_measured(report()), [LIST], "SpotInterruption: AWS took it back")


def test_several_pages_are_told_apart():
    found = read_measured([*report("/a", ms=1), *report("/b", ms=2, non_2xx=3)])
    assert [(each.path, each.milliseconds, each.non_2xx) for each in found] == [("/a", 1, 0), ("/b", 2, 3)]
