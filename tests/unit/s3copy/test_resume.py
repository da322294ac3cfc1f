"""A copy killed after any request and started again: in the end the destination is complete, and nothing was copied twice."""

from itertools import count

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmarks.pretend_s3 import PretendS3, Request, in_thread
from include.errors import RunbookError, ServiceUnavailableError
from include.s3copy import compare
from tests.unit.s3copy.s3_worlds import DESTINATION, SOURCE, copied, etags, folder, is_copy

MB = 1024**2
KEYS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12),
    st.sampled_from(
        ["/", "a/", "a//b", " ", "+", "%2F", "a+b c", "..", "é", "日本/1", "k" * 990, "?x=1", "&amp;", "\x01", "\n"]
    ),
)
SIZES = st.sampled_from([0, 1, 1000, 20 * MB])
SETS = st.dictionaries(KEYS, SIZES, min_size=1, max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(new=SETS, old=SETS, at=st.integers(1, 40), after=st.booleans())
@example(new={"\x08": 20 * MB}, old={"0": 0}, at=7, after=False)  # an upload to a key that XML cannot represent
def test_a_killed_copy_goes_on_and_ends_with_the_source(new: dict[str, int], old: dict[str, int], at: int, after: bool):
    s3 = PretendS3()
    for key, size in new.items():
        s3.put("core-data", f"new/{key}", size, part=8 * MB if size == 20 * MB else 0)
    for key, size in old.items():
        s3.put("core-data", f"live/{key}", size, name="old")
    requests, kill, writes, struck = count(1), [True], [], []

    def strike(request: Request) -> tuple[int, bytes] | None:
        if is_copy(request):
            writes.append(request.key)
        if kill[0] and next(requests) >= at:
            struck.append(request.method)
            if after and request.method == "PUT":
                s3.faults.clear()
                s3.answer(request)
                s3.faults.append(strike)
            return 0, b""  # from here on S3 answers nothing, not even an abort of the upload
        return None

    s3.faults.append(strike)
    with in_thread(s3) as url:
        try:
            copied(url, tries=2)
            survived = True
        except (RunbookError, ServiceUnavailableError):
            survived = False
        assert survived or struck
        kill[0] = False
        written = {key for key in etags(s3, "live/") if etags(s3, "live/")[key] == etags(s3, "new/").get(key)}
        writes.clear()
        copied(url)
        assert not {f"live/{key}" for key in written if key in new} & set(writes)
        assert {key: etag for key, etag in etags(s3, "live/").items() if key in new} == etags(s3, "new/")
        assert set(etags(s3, "live/")) == new.keys() | old.keys()
        assert not s3.uploads
        found = compare(folder(url, SOURCE), folder(url, DESTINATION))
        assert found.complete
        assert (found.identical.count, found.stale.count) == (len(new), len(old.keys() - new.keys()))
