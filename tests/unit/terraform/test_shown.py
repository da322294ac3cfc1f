"""What of a change is shown: by the allow-list, never what is marked, and everything else by its name."""

import json
from base64 import b64decode

import pytest

from include.terraform.plan import read_plan
from include.terraform.shown import Attribute, named, shown
from include.terraform.shown_attributes import IN_EVERY_TYPE, IN_JSON, IN_TYPE

PLANTED = {  # where the captured plan has a canary, and what is told of it
    "aws_cloudwatch_log_group.app": "tags.note",
    "aws_ecs_task_definition.app": "container_definitions[0].environment",
    "aws_iam_role.run": "assume_role_policy.Statement[0].Condition",
    "aws_lambda_function.tidy": "environment",
    "aws_launch_template.web": "user_data",
    "aws_secretsmanager_secret_version.token": "secret_string",
    "aws_security_group.web": "description",
    "aws_ssm_parameter.plain": "insecure_value",
    "aws_ssm_parameter.secure": "value",
}


def values(kind, before, after, **more):
    found = shown(kind, {"before": before, "after": after, **more})
    return [(each.path, each.before, each.after) for each in found if not each.hidden]


def hidden(kind, before, after, **more):
    return [(each.path, each.hidden) for each in shown(kind, {"before": before, "after": after, **more}) if each.hidden]


@pytest.mark.parametrize(("address", "path"), PLANTED.items())
def test_attribute_with_a_canary_is_named_without_its_value(captured, address, path):
    document = json.loads(captured("plan_with_canaries.json"))
    raw = next(each for each in document["resource_changes"] if each["address"] == address)
    after = raw["change"]["after"]
    assert "CANARY" in json.dumps(after) + b64decode(after.get("user_data") or "").decode()
    change = next(each for each in read_plan(json.dumps(document)).changes if each.address == address)
    found = next(each for each in change.attributes if each.path == path)
    assert (found.before, found.after) == (None, None)
    assert found.hidden in ("unlisted", "sensitive")


def test_no_canary_is_anywhere_in_what_is_read_of_a_plan(captured):
    text = captured("plan_with_canaries.json")
    assert "CANARY" in text
    assert "CANARY" not in repr(read_plan(text))


def test_image_and_memory_of_a_real_plan_are_shown(captured):
    found = {each.address: each.attributes for each in read_plan(captured("plan_with_canaries.json")).changes}
    image = Attribute(
        "container_definitions[0].image", "registry.example/app:one", "registry.example/app:two", replaces=True
    )
    assert image in found["aws_ecs_task_definition.app"]
    assert Attribute("memory_size", "128", "256") in found["aws_lambda_function.tidy"]
    assert Attribute("recovery_window_in_days", "30", "7") in found["aws_secretsmanager_secret.token"]


def test_rule_that_is_put_in_front_of_others_is_the_only_one_shown(captured):
    found = {each.address: each.attributes for each in read_plan(captured("plan_with_canaries.json")).changes}
    ports = [(each.path, each.before, each.after) for each in found["aws_security_group.web"] if "port" in each.path]
    assert ports == [("ingress[1].from_port", None, "80"), ("ingress[1].to_port", None, "80")]


def test_value_marked_as_sensitive_is_not_shown_although_it_is_listed():
    change = {"before_sensitive": {"name": True}, "after_sensitive": {}}
    assert values("aws_lb", {"name": "CANARY"}, {"name": "b"}, **change) == []
    assert hidden("aws_lb", {"name": "CANARY"}, {"name": "b"}, **change) == [("name", "sensitive")]
    assert hidden("aws_lb", {"name": "a"}, {"name": "CANARY"}, after_sensitive={"name": True}) == [
        ("name", "sensitive")
    ]


def test_list_with_one_sensitive_element_is_not_shown():
    before, after = {"subnets": ["a", "b"]}, {"subnets": ["a", "CANARY"]}
    assert hidden("aws_lb", before, after, after_sensitive={"subnets": [False, True]}) == [("subnets", "sensitive")]


def test_whole_resource_marked_as_sensitive_shows_nothing():
    assert values("aws_lb", {"name": "a"}, {"name": "CANARY"}, after_sensitive=True) == []


def test_sensitive_attribute_of_a_block_hides_itself_and_not_its_neighbours():
    before = {"access_logs": [{"bucket": "a", "prefix": "x"}]}
    after = {"access_logs": [{"bucket": "CANARY", "prefix": "y"}]}
    marks = {"after_sensitive": {"access_logs": [{"bucket": True}]}}
    assert values("aws_lb", before, after, **marks) == [("access_logs[0].prefix", "x", "y")]
    assert hidden("aws_lb", before, after, **marks) == [("access_logs[0].bucket", "sensitive")]


def test_json_that_is_marked_as_sensitive_is_not_looked_into():
    before = {"container_definitions": '[{"name":"a","image":"x"}]'}
    after = {"container_definitions": '[{"name":"a","image":"CANARY"}]'}
    found = hidden("aws_ecs_task_definition", before, after, after_sensitive={"container_definitions": True})
    assert found == [("container_definitions", "sensitive")]


def test_text_that_is_no_json_is_not_shown():
    before, after = {"container_definitions": "CANARY-1"}, {"container_definitions": "CANARY-2"}
    assert hidden("aws_ecs_task_definition", before, after) == [("container_definitions", "unlisted")]


def test_keys_of_an_unlisted_map_are_not_named():
    found = hidden(
        "aws_lambda_function", {"environment": [{"variables": {}}]}, {"environment": [{"variables": {"CANARY": "x"}}]}
    )
    assert found == [("environment", "unlisted")]
    assert named("aws_lambda_function", ["environment", 0, "variables", "CANARY"]) == "environment"


def test_path_of_a_listed_block_is_named_whole():
    assert named("aws_lb", ["access_logs", 0, "bucket"]) == "access_logs[0].bucket"


def test_element_of_a_set_of_texts_is_not_named_by_its_value():
    assert named("aws_lb", ["subnets", "CANARY"]) == "subnets"


def test_types_of_other_providers_show_no_values():
    assert values("random_password", {"name": "a", "result": "x"}, {"name": "b", "result": "y"}) == []
    assert hidden("random_password", {"result": "x"}, {"result": "y"}) == [("result", "unlisted")]


def test_number_that_becomes_text_is_a_change():
    assert values("aws_lb", {"idle_timeout": 1}, {"idle_timeout": "1"}) == [("idle_timeout", "1", "1")]
    assert values("aws_lb", {"internal": True}, {"internal": 1}) == [("internal", "true", "1")]


def test_value_known_after_the_apply_only_is_said_to_be():
    found = shown("aws_lb", {"before": {"name": "a"}, "after": {}, "after_unknown": {"name": True}})
    assert found == (Attribute("name", "a", "(known after apply)", later=True),)


def test_creation_shows_what_is_set_only():
    after = {"name": "a", "name_prefix": None, "subnets": [], "internal": False, "idle_timeout": 0}
    assert values("aws_lb", None, after) == [
        ("idle_timeout", None, "0"),
        ("internal", None, "false"),
        ("name", None, "a"),
    ]


def test_destruction_shows_what_was_there():
    assert values("aws_s3_bucket", {"bucket": "exports", "force_destroy": False}, None) == [
        ("bucket", "exports", None),
        ("force_destroy", "false", None),
    ]


def test_long_values_are_cut_and_lines_joined():
    (found,) = shown("aws_lb", {"before": None, "after": {"name": "a\nb" + "c" * 300}})
    assert found.after == "a b" + "c" * 194 + "..."


def test_only_the_attribute_that_forces_a_replacement_is_said_to():
    change = {
        "before": {"name": "a", "access_logs": [{"bucket": "x", "prefix": "p"}]},
        "after": {"name": "b", "access_logs": [{"bucket": "y", "prefix": "q"}]},
        "replace_paths": [["access_logs", 0, "bucket"]],
    }
    assert [(each.path, each.replaces) for each in shown("aws_lb", change)] == [
        ("access_logs[0].bucket", True),
        ("access_logs[0].prefix", False),
        ("name", False),
    ]


# what may hold a secret in clear, or is one: a new entry of the list must not reach it
SECRET_PLACES = {
    "aws_cloudfront_distribution": ["origin[].custom_header[].value", "origin[].custom_header"],
    "aws_ecs_task_definition": ["container_definitions", "container_definitions[].environment", "container_definitions[].command"],
    "aws_cloudwatch_event_target": ["input", "input_transformer[].input_template", "http_target[].header_parameters"],
    "aws_db_instance": ["password", "username", "password_wo"],
    "aws_elasticache_replication_group": ["auth_token"],
    "aws_iam_policy": ["policy", "policy.Statement[].Condition"],
    "aws_instance": ["user_data", "user_data_base64", "password_data"],
    "aws_lambda_function": ["environment", "environment[].variables", "image_config[].command"],
    "aws_launch_template": ["user_data"],
    "aws_lb_listener": ["default_action[].fixed_response[].message_body", "default_action[].authenticate_oidc[].client_secret"],
    "aws_lb_listener_rule": ["condition[].http_header[].values", "condition[].query_string[].value"],
    "aws_route53_record": ["records"],
    "aws_scheduler_schedule": ["target[].input"],
    "aws_sns_topic_subscription": ["endpoint"],
    "aws_ssm_parameter": ["value", "insecure_value", "value_wo", "description"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "places"), SECRET_PLACES.items())
def test_list_reaches_no_place_that_may_hold_a_secret(kind, places):
    listed = IN_EVERY_TYPE | IN_TYPE[kind]
    for place in places:
        assert [each for each in listed if place == each or place.startswith((f"{each}.", f"{each}[]"))] == []


def test_every_json_attribute_has_entries_below_it():
    for kind, names in IN_JSON.items():
        for name in names:
            assert [each for each in IN_TYPE[kind] if each.startswith((f"{name}.", f"{name}[]"))] != []


@pytest.mark.parametrize("kind", sorted(IN_TYPE))
def test_no_entry_lies_below_another_which_would_show_it_whole(kind):
    listed = IN_EVERY_TYPE | IN_TYPE[kind]
    assert [(one, other) for one in listed for other in listed if other.startswith((f"{one}.", f"{one}[]"))] == []


def paths(before, after, **more):
    return [each.path for each in shown("aws_s3_bucket", {"before": before, "after": after, **more})]


def test_all_tags_of_a_real_plan_say_nothing_that_its_tags_do_not(captured):
    found = {each.address: each.attributes for each in read_plan(captured("plan_after_parts.json")).changes}
    assert [each.path for each in found["aws_s3_bucket.files"]] == ["tags.purpose"]


def test_tag_of_the_provider_that_changes_is_told_by_its_attribute_alone():
    before = {"tags": {"a": "1"}, "tags_all": {"a": "1", "team": "maps"}}
    after = {"tags": {"a": "2"}, "tags_all": {"a": "2", "team": "roads"}}
    assert paths(before, after) == ["tags.a", "tags_all"]
    assert paths(before, {**before, "tags_all": after["tags_all"]}) == ["tags_all"]
    assert paths(before, {**before, "tags_all": None}, after_unknown={"tags_all": True}) == ["tags_all"]


def test_all_tags_of_what_is_made_or_goes_are_not_told():
    tags = {"tags": {"Name": "x"}, "tags_all": {"Name": "x", "team": "maps"}}
    assert (paths(None, tags), paths(tags, None)) == (["tags.Name"], ["tags.Name"])
