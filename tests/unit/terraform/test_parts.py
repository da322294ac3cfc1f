"""A bucket whose versioning and policy are resources of their own: nobody has changed it outside Terraform."""

import json

import pytest

from include.terraform.plan import read_plan
from include.terraform.summary import summarize

OUTSIDE = "Somebody or something changed aws_s3_bucket.files outside Terraform."


@pytest.fixture
def document(captured):
    """Return a real plan, after an apply that has made a bucket and its parts."""
    return json.loads(captured("plan_after_parts.json"))


def notes(document):
    return summarize(read_plan(json.dumps(document))).notes


def drifted(document):
    (found,) = [each for each in document["resource_drift"] if each["address"] == "aws_s3_bucket.files"]
    return found["change"]


def without(document, address):
    document["resource_changes"] = [change for change in document["resource_changes"] if change["address"] != address]


def test_what_its_own_resources_have_made_of_a_bucket_is_no_change_outside_terraform(document):
    assert drifted(document)["before"]["versioning"] != drifted(document)["after"]["versioning"]
    assert notes(document) == ()


def test_attribute_that_no_resource_of_the_plan_manages_is_told(document):
    without(document, "aws_s3_bucket_versioning.files")
    assert notes(document) == (OUTSIDE,)
    found = read_plan(json.dumps(document)).drift[0].attributes
    assert [each.path.partition("[")[0] for each in found] == ["versioning"]


def test_resource_that_is_not_made_yet_manages_nothing(document):
    (part,) = [change for change in document["resource_changes"] if change["address"] == "aws_s3_bucket_policy.files"]
    part["change"].update(actions=["create"], before=None)
    assert notes(document) == (OUTSIDE,)


def test_resource_of_another_bucket_manages_nothing_here(document):
    (part,) = [
        change for change in document["resource_changes"] if change["address"] == "aws_s3_bucket_versioning.files"
    ]
    part["change"]["before"]["bucket"] = "another-bucket"
    assert notes(document) == (OUTSIDE,)


def test_another_attribute_is_told_beside_those_of_the_parts(document):
    drifted(document)["after"]["force_destroy"] = True
    assert notes(document) == (OUTSIDE,)
    assert [attribute.path for attribute in read_plan(json.dumps(document)).drift[0].attributes] == ["force_destroy"]
