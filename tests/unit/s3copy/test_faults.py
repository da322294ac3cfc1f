"""A copy whose requests fail in every way S3 has: what is retried, what is reported, and what is left behind."""

import threading
from collections.abc import Iterator

import pytest

from benchmarks.pretend_s3 import PretendS3, Request, in_thread
from include.errors import CopyFailedError, PreconditionError, ServiceUnavailableError
from include.s3copy import CopyOptions, CopyProgress, copy
from tests.unit.s3copy.s3_worlds import DESTINATION, SOURCE, Fail, copied, etags, folder, is_copy

MB = 1024**2
GB = 1024**3


@pytest.fixture
def s3() -> PretendS3:
    s3 = PretendS3()
    for number in range(30):
        s3.put("core-data", f"new/{number:02d}.json", 1000 + number)
    return s3


@pytest.fixture
def url(s3: PretendS3) -> Iterator[str]:
    with in_thread(s3) as url:
        yield url


def of(key: str):
    return lambda request: is_copy(request) and request.key == key


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "SlowDown"),
        (500, "InternalError"),
        (200, "InternalError"),
        (200, "SlowDown"),
        (0, "the connection breaks"),
        (403, "ExpiredToken"),
        (409, "OperationAborted"),
    ],
)
def test_what_may_pass_is_tried_again(s3: PretendS3, url: str, status: int, code: str):
    fault = Fail(of("live/07.json"), status, code, times=5)
    s3.faults.append(fault)
    result = copied(url)
    assert fault.struck == 5
    assert (result.copied, result.failed) == (30, 0)
    assert etags(s3, "live/") == etags(s3, "new/")


def test_a_200_with_an_error_in_it_is_an_error(s3: PretendS3, url: str):
    s3.faults.append(Fail(of("live/07.json"), 200, "InternalError"))
    with pytest.raises(CopyFailedError, match=r"'07.json' \(InternalError"):
        copied(url)
    assert "07.json" not in etags(s3, "live/")
    assert len(etags(s3, "live/")) == 29


def test_an_object_that_is_denied_is_named_and_the_others_are_copied(s3: PretendS3, url: str):
    fault = Fail(of("live/07.json"), 403, "AccessDenied")
    s3.faults.append(fault)
    with pytest.raises(
        CopyFailedError, match=r"29 objects .* 1 failed, not copied: '07.json' \(AccessDenied"
    ) as caught:
        copied(url)
    assert fault.struck == 1
    assert [failure.key for failure in caught.value.result.failures] == ["07.json"]
    s3.faults.clear()
    result = copied(url)
    assert (result.copied, result.skipped) == (1, 29)


def test_a_storm_of_slow_down_is_ridden_out_with_fewer_requests_at_once(s3: PretendS3, url: str):
    for number in range(600):
        s3.put("core-data", f"new/more/{number:03d}", 10)
    fault = Fail(is_copy, 503, "SlowDown", times=900)
    s3.faults.append(fault)
    result = copied(url)
    assert fault.struck == 900
    assert result.copied == 630
    assert etags(s3, "live/") == etags(s3, "new/")


def test_a_storm_that_does_not_end_ends_the_copy(s3: PretendS3, url: str):
    s3.faults.append(Fail(is_copy, 503, "SlowDown"))
    with pytest.raises(CopyFailedError, match=r"SlowDown.* and 25 more"):
        copied(url, time_limit=0.05)


def test_gives_up_when_it_is_not_the_single_object(s3: PretendS3, url: str):
    for number in range(2000):
        s3.put("core-data", f"new/more/{number:04d}", 10)
    s3.put("core-data", "live/00.json", 1)  # a different object, so that there is something to overwrite
    fault = Fail(is_copy, 403, "AccessDenied")
    s3.faults.append(fault)
    with pytest.raises(CopyFailedError):
        copied(url, give_up_after=10)
    assert 10 <= fault.struck < 600


def test_a_source_that_is_replaced_during_the_copy_is_noticed(s3: PretendS3, url: str):
    def replace(request: Request) -> None:
        if is_copy(request) and request.key == "live/07.json" and not replaced:
            replaced.append(s3.put("core-data", "new/07.json", 1007, name="replaced"))

    replaced: list[object] = []
    s3.faults.append(replace)
    with pytest.raises(CopyFailedError, match=r"'07.json' \(SourceChanged: it was replaced"):
        copied(url)
    assert replaced
    assert "07.json" not in etags(s3, "live/")


def test_a_source_that_is_removed_during_the_copy_is_noticed(s3: PretendS3, url: str):
    s3.faults.append(
        lambda request: s3.buckets["core-data"].pop("new/07.json", None) and None if is_copy(request) else None
    )
    with pytest.raises(CopyFailedError, match=r"'07.json' \(SourceChanged: it was removed"):
        copied(url)


def test_a_backup_overwrites_nothing(s3: PretendS3, url: str):
    s3.put("core-data", "live/07.json", 5)
    before = etags(s3, "live/")["07.json"]
    with pytest.raises(CopyFailedError, match=r"'07.json' \(DestinationExists"):
        copied(url, overwrite=False)
    assert etags(s3, "live/")["07.json"] == before
    assert len(etags(s3, "live/")) == 30


def test_a_backup_sees_what_somebody_writes_there_meanwhile(s3: PretendS3, url: str):
    def write(request: Request) -> None:
        if is_copy(request):
            s3.buckets["core-data"].setdefault("live/07.json", theirs)

    theirs = PretendS3().put("core-data", "live/07.json", 5)
    s3.faults.append(write)
    with pytest.raises(CopyFailedError, match=r"'07.json' \(DestinationExists"):
        copied(url, overwrite=False)
    assert s3.buckets["core-data"]["live/07.json"] is theirs


def test_a_backup_whose_answer_was_lost_is_no_clash_with_itself(s3: PretendS3, url: str):
    def lose(request: Request) -> tuple[int, bytes] | None:
        if request.key != "live/07.json" or not is_copy(request) or lost:
            return None
        lost.append(s3._copy(request))
        return 0, b""

    lost: list[object] = []
    s3.faults.append(lose)
    assert copied(url, overwrite=False).copied == 30
    assert lost


def test_the_answer_to_a_completed_upload_may_be_lost(s3: PretendS3, url: str):
    def lose(request: Request) -> tuple[int, bytes] | None:
        if request.method != "POST" or "uploadId" not in request.query or lost:
            return None
        lost.append(s3._complete(request))
        return 0, b""

    lost: list[object] = []
    s3.put("core-data", "new/big", 64 * MB, part=8 * MB)
    s3.faults.append(lose)
    assert copied(url).copied == 31
    assert lost
    assert etags(s3, "live/") == etags(s3, "new/")


def test_an_object_above_5_gib_is_copied_in_parts_with_all_it_carries(s3: PretendS3, url: str):
    big = s3.put("core-data", "new/topo.json", 6 * GB + 1, content_type="application/json", x_amz_meta_owner="päd=?")
    big.headers["x-amz-meta-owner"], big.tags = "maps", "team=geo&cost%20center=7%2B1"
    big.headers["x-amz-storage-class"] = "INTELLIGENT_TIERING"
    copied(url)
    made = s3.buckets["core-data"]["live/topo.json"]
    assert made.content == big.content
    assert made.part == 128 * MB
    assert s3.count["part"] == 49
    assert (made.headers["content-type"], made.headers["x-amz-meta-owner"]) == ("application/json", "maps")
    assert made.headers["x-amz-storage-class"] == "INTELLIGENT_TIERING"
    assert made.tags == "team=geo&cost%20center=7%2B1"
    assert not s3.uploads


def test_an_object_that_was_uploaded_in_parts_keeps_them_and_so_its_etag(s3: PretendS3, url: str):
    big = s3.put("core-data", "new/topo.json", 100 * MB + 5, part=8 * MB)
    copied(url)
    assert s3.buckets["core-data"]["live/topo.json"].etag == big.etag
    assert s3.count["part"] == 13
    assert copied(url).copied == 0


def test_an_upload_that_fails_is_aborted(s3: PretendS3, url: str):
    s3.put("core-data", "new/topo.json", 100 * MB, part=8 * MB)
    fault = Fail(lambda request: request.query.get("partNumber") == "9", 403, "AccessDenied")
    s3.faults.append(fault)
    with pytest.raises(CopyFailedError, match=r"'topo.json' \(AccessDenied"):
        copied(url)
    assert fault.struck == 1
    assert s3.count["begin"] == 1
    assert not s3.uploads


def test_uploads_a_killed_copy_left_are_aborted_and_nobody_elses(s3: PretendS3, url: str):
    begun = Request("POST", "core-data", "live/00.json", {"uploads": ""}, {}, b"")
    theirs = Request("POST", "core-data", "live/somebody-elses", {"uploads": ""}, {}, b"")
    s3._begin(begun), s3._begin(theirs)
    copied(url)
    assert [key for _, key, _, _ in s3.uploads.values()] == ["live/somebody-elses"]


def test_who_may_not_list_uploads_may_copy(s3: PretendS3, url: str):
    fault = Fail(lambda request: "uploads" in request.query, 403, "AccessDenied")
    s3.faults.append(fault)
    assert copied(url).copied == 30
    assert fault.struck


def test_a_copy_can_be_stopped_and_goes_on_later(s3: PretendS3, url: str):
    s3.put("core-data", "new/topo.json", 100 * MB, part=8 * MB)
    stop = threading.Event()

    def hold(request: Request) -> tuple[int, bytes] | None:
        if request.query.get("partNumber") == "3":
            stop.set()
            return 503, b""
        return None

    s3.faults.append(hold)
    with pytest.raises(CopyFailedError, match=r"was stopped: .* start the copy again"):
        copied(url, stop=stop, time_limit=600)
    assert not s3.uploads
    s3.faults.clear()
    copied(url)
    assert etags(s3, "live/") == etags(s3, "new/")


def test_what_the_callback_raises_stops_the_copy(s3: PretendS3, url: str):
    s3.faults.append(Fail(is_copy, 503, "SlowDown"))

    def tell(progress: CopyProgress) -> None:
        raise PermissionError("the lease is gone")

    with pytest.raises(PermissionError, match="the lease is gone"):
        copy(folder(url, SOURCE), folder(url, DESTINATION), on_progress=tell)


def test_progress_ends_with_everything(s3: PretendS3, url: str):
    told: list[CopyProgress] = []
    copy(folder(url, SOURCE), folder(url, DESTINATION), CopyOptions(requests_per_second=40), on_progress=told.append)
    assert len(told) >= 3
    assert [each.objects for each in told] == sorted(each.objects for each in told)
    assert told[-1] == CopyProgress(30, 30435, 30, 30435, 0.0)
    assert any(each.left and 0 < each.objects < 30 for each in told)
    assert told[-1].text == "30 of 30 objects, 0.0 of 0.0 MB, about 0 s left"


def test_no_more_requests_a_second_than_allowed(s3: PretendS3, url: str):
    result = copied(url, requests_per_second=50)
    assert result.requests == 33  # uploads, two lists
    assert 0.6 <= result.seconds < 5


def test_keys_that_others_point_to_are_copied_before_the_index(s3: PretendS3, url: str):
    order: list[str] = []
    s3.faults.append(lambda request: order.append(request.key) if is_copy(request) else None)
    copied(url, last=lambda key: key in ("00.json", "11.json"))
    assert sorted(order[-2:]) == ["live/00.json", "live/11.json"]
    assert len(order) == 30


def test_an_empty_source_is_refused(s3: PretendS3, url: str):
    with pytest.raises(PreconditionError, match="s3://core-data/nothing/ holds no object"):
        copy(folder(url, "s3://core-data/nothing/"), folder(url, DESTINATION))


def test_a_bucket_that_is_not_there_is_refused_by_name(url: str):
    with pytest.raises(PreconditionError, match=r"s3://no-such-data/a/.*NoSuchBucket"):
        copy(folder(url, "s3://no-such-data/a/"), folder(url, DESTINATION))


def test_a_key_that_gets_too_long_is_named(s3: PretendS3, url: str):
    s3.put("core-data", "new/" + "k" * 1020, 1)
    with pytest.raises(CopyFailedError, match=r"KeyTooLong.*longer than 1,024 bytes"):
        copied(url)
    assert len(etags(s3, "live/")) == 30


def test_metadata_that_changed_under_the_same_bytes_is_copied_again(s3: PretendS3, url: str):
    copied(url)
    s3.buckets["core-data"]["live/07.json"].modified -= 100
    s3.buckets["core-data"]["new/07.json"].headers["cache-control"] = "no-store"
    assert copied(url).copied == 1
    assert s3.buckets["core-data"]["live/07.json"].headers["cache-control"] == "no-store"


def test_a_connection_that_s3_closes_while_idle_is_not_used_again(s3: PretendS3, url: str):
    fault = Fail(is_copy, 0, "the connection breaks", times=20)
    s3.faults.append(fault)
    assert copied(url, requests_per_second=200).copied == 30
    assert fault.struck == 20


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (0, "the connection breaks")])
def test_s3_that_is_away_may_be_asked_again_later_and_is_no_refusal(s3: PretendS3, url: str, status: int, code: str):
    fault = Fail(lambda request: "list-type" in request.query, status, code)
    s3.faults.append(fault)
    with pytest.raises(ServiceUnavailableError, match=r"^S3 does not answer"):
        copied(url, time_limit=0.01, tries=2)
    assert fault.struck > 1
    s3.faults.clear()
    assert copied(url).copied == 30
