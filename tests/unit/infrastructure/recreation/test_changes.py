"""What an approver reads of a recreation: what holds data one by one, the others together, and the way back of each."""

import pytest

from include.infrastructure.recreation.changes import Data, list_changes, remedy_of
from include.infrastructure.recreation.obstacles import Obstacle
from include.infrastructure.recreation.plan import Bucket, Choices, Database, DoomedSecret
from include.terraform.plan import read_plan
from tests.unit.terraform.conftest import change_of, plan_of

__all__ = ["change_of", "plan_of"]
RECORDS = Database(address="aws_db_instance.records", instance="records", snapshot="records-before-1")
FILES = Bucket(address="aws_s3_bucket.files", bucket="files", archive="s3://archive/one/files/")
KEY = DoomedSecret(address="aws_secretsmanager_secret.key", name="KEY")


@pytest.fixture
def told(plan_of, change_of):
    """Return what is said of destroyed resources, by the first word and the address of each."""

    def tell(*addresses, choices=None, databases=(), buckets=(), secrets=()):
        plan = read_plan(plan_of(*(change_of(each, "delete", before={"id": "id-1"}) for each in addresses)))
        data = Data(choices or Choices(), databases, buckets, secrets, None)
        return {each.what.split(" (")[0]: each for each in list_changes(plan.changes, data)}

    return tell


def test_resources_without_data_are_told_together_and_after_those_with_data(told):
    found = told("aws_route.b", "aws_cloudwatch_log_group.audit", "aws_route.a")
    assert list(found) == [
        "Destroy aws_cloudwatch_log_group.audit",
        "Destroy 2 more, without data: aws_route.a, aws_route.b",
    ]
    assert found["Destroy aws_cloudwatch_log_group.audit"].after == (
        "built again as the code has it, without the logs it has now"
    )


def test_what_names_lead_to_is_told_by_itself(told):
    found = told("aws_lb.front")["Destroy aws_lb.front"]
    assert (found.before, found.after) == ("id-1", "built again as the code has it, with another address or id")


def test_database_says_from_what_it_is_built_again(told):
    found = told("aws_db_instance.records", databases=[RECORDS])["Destroy aws_db_instance.records"]
    assert found.before == "records; its snapshot records-before-1 is made first, and stays"
    assert found.after == "built again from it, with the data of that moment; what is written later is lost"
    assert found.undo == "restore snapshot records-before-1"
    empty = told("aws_db_instance.records", databases=[RECORDS], choices=Choices(databases="empty"))
    assert empty["Destroy aws_db_instance.records"].after == (
        "built again empty, and without data: database_migration can seed it"
    )


def test_bucket_says_where_its_objects_are_meanwhile(told):
    found = told("aws_s3_bucket.files", buckets=[FILES])["Destroy aws_s3_bucket.files"]
    assert found.before == (
        "files; its objects are first copied to s3://archive/one/files/, without old versions, and stay there"
    )
    assert found.after == "built again with its objects"


@pytest.mark.parametrize(
    ("choice", "after", "undo"),
    [
        ("keep", "restored with its value", "nothing to undo"),
        ("renew", "deleted for good and made again; people enter its value in AWS", "the value is lost for good"),
    ],
)
def test_secret_says_what_becomes_of_its_value(told, choice, after, undo):
    found = told("aws_secretsmanager_secret.key", secrets=[KEY], choices=Choices(secrets=choice))
    assert (
        found["Destroy aws_secretsmanager_secret.key"].after,
        found["Destroy aws_secretsmanager_secret.key"].undo,
    ) == (
        after,
        undo,
    )


def test_what_an_earlier_run_destroyed_is_told_as_built(told):
    earlier = FILES.model_copy(update={"earlier": True})
    found = told("aws_route.a", buckets=[earlier])
    assert list(found) == ["Destroy 1 without data: aws_route.a", "Build aws_s3_bucket.files"]
    assert found["Build aws_s3_bucket.files"].before == (
        "files; its objects are in s3://archive/one/files/, without old versions, and stay there"
    )


def test_secret_that_an_earlier_run_deleted_is_told_as_built(told):
    found = told(secrets=[KEY.model_copy(update={"earlier": True})])["Build aws_secretsmanager_secret.key"]
    assert (found.before, found.after) == ("KEY; AWS still holds it for deletion", "restored with its value")


def test_remedy_says_what_the_run_does_about_an_obstacle():
    found = remedy_of(Obstacle("repository report has images", "an apply sets force_delete"))
    assert (found.what, found.after) == ("repository report has images", "an apply sets force_delete")
