"""What is left over beside a complete copy is deleted, under any key, and a deletion is believed when the list shows it."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from include.errors import CopyFailedError, LeaseLostError
from include.s3copy import deletion, list_keys, remove_stale
from tests.unit.s3copy.s3_worlds import DESTINATION, SOURCE, client, folder

CONTROL = ("bell\x07", "unit\x1fseparator", "not a character\ufffe")
ODD = ("a b", "a+b", "a%2Fb", "tab\there", "return\rhere", "del\x7f", "&<>", "日本", *CONTROL)


@pytest.fixture
def s3() -> Iterator[Any]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    made = client(f"http://{host}:{port}")
    made.create_bucket(Bucket="core-data")
    made.put_object(Bucket="core-data", Key="new/a", Body=b"1")
    made.put_object(Bucket="core-data", Key="live/a", Body=b"1")
    yield made
    server.stop()
    s3_backends.reset()


def removed(s3: Any):
    url = s3.meta.endpoint_url
    return remove_stale(folder(url, SOURCE), folder(url, DESTINATION))


def test_keys_that_a_list_of_deletions_cannot_name_are_deleted_singly(s3: Any):
    for key in ODD:
        s3.put_object(Bucket="core-data", Key=f"live/{key}", Body=b"x")
    assert removed(s3).count == 11
    assert list_keys(folder(s3.meta.endpoint_url, DESTINATION)) == {"a"}


def test_a_deletion_that_s3_answers_and_does_not_make_is_a_failure(s3: Any, monkeypatch: Any):
    for key in ("b", "c", "d\x01"):
        s3.put_object(Bucket="core-data", Key=f"live/{key}", Body=b"x")
    real = s3_backends["123456789012"]["aws"].delete_object

    def ignore(bucket: str, key: str, *more: Any, **named: Any) -> Any:
        return (True, {}) if key in ("live/c", "live/d\x01") else real(bucket, key, *more, **named)

    monkeypatch.setattr(s3_backends["123456789012"]["aws"], "delete_object", ignore)
    with pytest.raises(
        CopyFailedError, match=r"did not remove 2 stale objects .*'c' \(S3 said nothing, and lists it still\)"
    ) as failed:
        removed(s3)
    assert failed.value.result.examples == ["b"]
    assert list_keys(folder(s3.meta.endpoint_url, DESTINATION)) == {"a", "c", "d\x01"}


def test_each_call_that_deletes_is_asked_about_before(s3: Any, monkeypatch: Any):
    monkeypatch.setattr(deletion, "DELETE_LIMIT", 2)
    for key in ("b", "c", "d", "e", "f\x01"):
        s3.put_object(Bucket="core-data", Key=f"live/{key}", Body=b"x")
    url, asked = s3.meta.endpoint_url, []

    def check() -> None:
        asked.append(sorted(list_keys(folder(url, DESTINATION))))
        if len(asked) == 2:
            raise LeaseLostError("somebody has freed the lease")

    with pytest.raises(LeaseLostError):
        remove_stale(folder(url, SOURCE), folder(url, DESTINATION), check=check)
    assert asked == [["a", "b", "c", "d", "e", "f\x01"], ["a", "d", "e", "f\x01"]]
    assert list_keys(folder(url, DESTINATION)) == {"a", "d", "e", "f\x01"}
    remove_stale(folder(url, SOURCE), folder(url, DESTINATION), check=lambda: asked.append([]))
    assert len(asked) == 4  # two together, and the one that XML cannot hold
