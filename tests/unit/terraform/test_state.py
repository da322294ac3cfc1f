"""What is read of a state: addresses, ids and ARNs, what databases were made of, and what certificates wait for."""

import json

from include.terraform.state import parse_state


def state(*resources):
    return json.dumps({"version": 4, "lineage": "a-lineage", "serial": 3, "resources": resources})


def resource(kind, name, *instances, **more):
    made = [{"attributes": attributes} for attributes in instances]
    return {"mode": "managed", "type": kind, "name": name, "instances": made, **more}


def test_snapshot_of_which_a_database_was_made_is_told_by_address():
    found = parse_state(
        state(
            resource(
                "aws_db_instance", "one", {"id": "db-1", "snapshot_identifier": "before"}, module="module.database[0]"
            ),
            resource("aws_db_instance", "two", {"id": "db-2", "snapshot_identifier": None}),
        )
    )
    assert found.restored == {"module.database[0].aws_db_instance.one": "before"}


def test_records_are_those_of_certificates_that_are_not_issued():
    options = [
        {
            "domain_name": name,
            "resource_record_name": f"_of.{name}.",
            "resource_record_type": "CNAME",
            "resource_record_value": "_x.acm-validations.aws.",
        }
        for name in ("b.example", "a.example")
    ]
    waiting = {"id": "arn:1", "status": "PENDING_VALIDATION", "domain_validation_options": options}
    issued = {**waiting, "id": "arn:2", "status": "ISSUED"}
    by_mail = {"id": "arn:3", "status": "PENDING_VALIDATION", "domain_validation_options": []}
    assert parse_state(state(resource("aws_acm_certificate", "all", issued, by_mail))).requested == ()
    assert parse_state(state(resource("aws_acm_certificate", "all", issued, waiting, by_mail))).requested == (
        "_of.a.example. CNAME _x.acm-validations.aws.",
        "_of.b.example. CNAME _x.acm-validations.aws.",
    )
