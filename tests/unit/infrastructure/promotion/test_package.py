"""A package is told by its content, and a template says where it is taken from."""

import json
import zipfile

import pytest

from include.errors import PreconditionError
from include.infrastructure.promotion.package import Built, content_digest, digest_of, key_of


def archive(path, files, at=(2026, 1, 1, 0, 0, 0)):
    with zipfile.ZipFile(path, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name, at), content)
    return path


def template(*codes):
    resources = {
        f"fn{n}": {"Type": "AWS::Lambda::Function", "Properties": {"Code": code}} for n, code in enumerate(codes)
    }
    return json.dumps({"Resources": {**resources, "logs": {"Type": "AWS::Logs::LogGroup"}}})


def test_new_build_of_the_same_files_has_the_same_digest(tmp_path):
    first = archive(tmp_path / "1.zip", {"a": "1", "b": "2"})
    again = archive(tmp_path / "2.zip", {"b": "2", "a": "1"}, at=(2026, 11, 27, 12, 0, 0))
    other = archive(tmp_path / "3.zip", {"a": "1", "b": "3"})
    assert content_digest(first) == content_digest(again)
    assert content_digest(first) != content_digest(other)


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "package.zip").write_text("no archive")
    with pytest.raises(PreconditionError, match=r"left no zip archive package\.zip"):
        content_digest(tmp_path / "package.zip")


def test_files_of_the_account_are_added_once(tmp_path):
    path = archive(tmp_path / "1.zip", {"a": "1"})
    built = Built(path, content_digest(path), {}, {}, {"key": b"of the account"})
    assert built.complete() == built.complete()
    with zipfile.ZipFile(path) as package:
        assert package.namelist() == ["a", "key"]
        assert package.read("key") == b"of the account"


def test_template_is_told_by_its_content():
    assert digest_of('{"a": 1, "b": 2}') == digest_of('{\n "b": 2, "a": 1}')


def test_key_is_that_of_the_function_in_the_bucket():
    assert key_of(template({"S3Bucket": "ours", "S3Key": "k"}), "ours", "f") == "k"


@pytest.mark.parametrize(
    "codes",
    [
        (),
        ({"S3Bucket": "theirs", "S3Key": "k"},),
        ({"S3Bucket": "ours", "S3Key": "k"}, {"S3Bucket": "ours", "S3Key": "other"}),
        ({"S3Bucket": "ours", "S3Key": "k"}, {"S3Bucket": "theirs", "S3Key": "k"}),
    ],
)
def test_template_that_takes_its_package_from_elsewhere_is_refused(codes):
    with pytest.raises(PreconditionError, match=r"template of function f .* the inventory's bucket is ours"):
        key_of(template(*codes), "ours", "f")
