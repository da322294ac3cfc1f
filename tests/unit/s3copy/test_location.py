"""Which texts name a folder of S3, and which two folders may be source and destination of a copy."""

import pytest

from include.errors import PreconditionError
from include.s3copy import Location, check_apart


@pytest.mark.parametrize("uri", ["s3://core-data/regions/US/PA", "s3://core-data/regions/US/PA/"])
def test_a_folder_ends_with_a_slash_whether_or_not_it_was_typed(uri: str):
    assert Location.parse(uri) == Location("core-data", "regions/US/PA/")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("s3://core-data/regions/US\N{EN DASH}PA/", "EN DASH"),
        ("s3://core-data/regions/US\N{EM DASH}PA/", "EM DASH"),
        ("s3://core-data/regions/US\N{MINUS SIGN}PA/", "MINUS SIGN"),
        (" s3://core-data/regions/", "SPACE"),
        ("s3://core-data/regions/\N{NO-BREAK SPACE}", "NO-BREAK SPACE"),
        ("s3://core-data/regions/\N{ZERO WIDTH SPACE}x/", "ZERO WIDTH SPACE"),
        ("s3://core-data/a\n", r"'\\n'"),
        ("https://core-data/regions/", "no URI"),
        ("s3:///regions/", "no URI"),
        ("s3://Core_Data/regions/", "no URI"),
        ("s3://core-data", "whole bucket"),
        ("s3://core-data//", "whole bucket"),
        ("", "no URI"),
    ],
)
def test_refuses_what_names_no_folder(uri: str, says: str):
    with pytest.raises(PreconditionError, match=says):
        Location.parse(uri)


def test_a_backup_lies_beside_its_folder():
    backup = Location.parse("s3://core-data/regions/US/PA/").beside("-backup-2026-11-21")
    assert backup.uri == "s3://core-data/regions/US/PA-backup-2026-11-21/"


@pytest.mark.parametrize("other", ["a/b/", "a/", "a/b/c/"])
def test_refuses_a_copy_onto_or_into_itself(other: str):
    with pytest.raises(PreconditionError, match=r"onto itself|one in the other"):
        check_apart(Location("core-data", "a/b/"), Location("core-data", other))


@pytest.mark.parametrize("other", [Location("core-data", "a/b2/"), Location("other-data", "a/b/")])
def test_a_sibling_and_another_bucket_are_apart(other: Location):
    check_apart(Location("core-data", "a/b/"), other)
