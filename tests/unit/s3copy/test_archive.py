"""Objects in archives: whether S3 reads them now is asked of the object itself, and a copy can be read at once."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from benchmarks.pretend_s3 import PretendS3, in_thread
from include.s3copy import compare
from tests.unit.s3copy.s3_worlds import DESTINATION, SOURCE, copied, folder

RESTORED = 'ongoing-request="false", expiry-date="Fri, 27 Nov 2026 00:00:00 GMT"'


@pytest.fixture
def s3() -> PretendS3:
    return PretendS3()


@pytest.fixture
def url(s3: PretendS3) -> Iterator[str]:
    with in_thread(s3) as url:
        yield url


@pytest.mark.parametrize(
    ("headers", "archived", "restored"),
    [
        ({"x_amz_storage_class": "STANDARD_IA"}, 0, 0),
        ({"x_amz_storage_class": "GLACIER_IR"}, 0, 0),
        ({"x_amz_storage_class": "GLACIER"}, 1, 0),
        ({"x_amz_storage_class": "DEEP_ARCHIVE", "x_amz_restore": 'ongoing-request="true"'}, 1, 0),
        ({"x_amz_storage_class": "GLACIER", "x_amz_restore": RESTORED}, 0, 1),
        ({"x_amz_storage_class": "INTELLIGENT_TIERING"}, 0, 0),
        ({"x_amz_storage_class": "INTELLIGENT_TIERING", "x_amz_archive_status": "DEEP_ARCHIVE_ACCESS"}, 1, 0),
        ({"x_amz_storage_class": "A_CLASS_OF_TOMORROW"}, 1, 0),
    ],
)
def test_the_object_says_whether_it_can_be_read_now(s3: PretendS3, url: str, headers, archived: int, restored: int):
    s3.put("core-data", "new/a", 10)
    s3.put("core-data", "new/b", 10, **headers)
    found = compare(folder(url, SOURCE), folder(url, DESTINATION), ask_archived=True)
    assert (found.archived.examples, found.restored.examples) == (["b"] * archived, ["b"] * restored)
    assert found.restored_until == (datetime(2026, 11, 27, tzinfo=UTC) if restored else None)


@pytest.mark.parametrize(
    ("storage_class", "copy"),
    [
        ("GLACIER", "STANDARD"),
        ("DEEP_ARCHIVE", "STANDARD"),
        ("STANDARD_IA", "STANDARD_IA"),
        ("INTELLIGENT_TIERING", "INTELLIGENT_TIERING"),
    ],
)
@pytest.mark.parametrize("part", [0, 5 * 1024**2])
def test_a_copy_can_be_read_at_once(s3: PretendS3, url: str, storage_class: str, copy: str, part: int):
    s3.put("core-data", "new/a", 6 * 1024**2, part=part, x_amz_storage_class=storage_class, x_amz_restore=RESTORED)
    copied(url)
    made = s3.buckets["core-data"]["live/a"]
    assert made.headers.get("x-amz-storage-class", "STANDARD") == copy
