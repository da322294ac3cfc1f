"""The tables of types: their attributes are the provider's own, and none of those on the list of what is shown is a secret."""

import json

import pytest

from include.terraform.kinds import KINDS, WITHOUT_DATA, is_known, kind_of
from include.terraform.shown_attributes import IN_EVERY_TYPE, IN_JSON, IN_TYPE


@pytest.fixture
def attributes(captured):
    return {
        name: {key: set(names.split()) for key, names in parts.items()}
        for name, parts in json.loads(captured("provider_attributes.json")).items()
    }


@pytest.mark.parametrize("name", sorted(KINDS))
def test_attributes_of_a_kind_are_the_providers_own(attributes, name):
    kind = KINDS[name]
    asked = {*kind.before_destroy, *kind.left_behind} | ({kind.protection} if kind.protection else set())
    assert asked - attributes[name]["clear"] == set()


@pytest.mark.parametrize("name", sorted(IN_TYPE))
def test_attributes_that_may_be_shown_are_the_providers_own_and_not_sensitive(attributes, name):
    in_json = (
        {each for each in IN_TYPE[name] if each.startswith(tuple(IN_JSON.get(name, ())))} if name in IN_JSON else set()
    )
    assert IN_TYPE[name] - in_json - attributes[name]["clear"] == set()


def test_attribute_that_may_be_shown_in_every_type_is_sensitive_in_none(attributes):
    assert {name: found for name, each in attributes.items() if (found := IN_EVERY_TYPE & each["sensitive"])} == {}


@pytest.mark.parametrize(
    "attribute",
    ["deletion_protection", "deletion_protection_enabled", "enable_deletion_protection", "skip_final_snapshot", "skip_destroy",
     "retain_on_delete", "force_delete", "recovery_window_in_days"],
)  # fmt: skip
def test_type_with_an_attribute_that_decides_a_destruction_has_it_in_its_row(attributes, attribute):
    for name in (each for each in attributes if attribute in attributes[each]["clear"]):
        kind = kind_of(name)
        assert attribute in (kind.protection, *kind.before_destroy, *kind.left_behind), name


def test_no_type_is_in_both_tables():
    assert set(KINDS) & WITHOUT_DATA == set()


def test_type_that_is_in_no_table_is_not_known_to_hold_nothing():
    assert (is_known("aws_timestreamwrite_table"), is_known("aws_db_instance"), is_known("aws_route")) == (
        False,
        True,
        True,
    )


@pytest.mark.parametrize(
    "name",
    ["aws_db_instance", "aws_rds_cluster", "aws_s3_bucket", "aws_dynamodb_table", "aws_efs_file_system", "aws_secretsmanager_secret",
     "aws_elasticache_replication_group", "aws_cloudwatch_log_group", "aws_cognito_user_pool", "aws_ebs_volume", "aws_kms_key"],
)  # fmt: skip
def test_what_holds_data_says_so(name):
    assert kind_of(name).data


@pytest.mark.parametrize(
    "name", ["aws_lb", "aws_cloudfront_distribution", "aws_route53_record", "aws_api_gateway_domain_name", "aws_eip"]
)
def test_what_names_lead_to_says_so(name):
    assert kind_of(name).dns
