"""A certificate that Terraform waits for: the run shows the DNS records that somebody has to create."""

import json

import pytest

from include.infrastructure import follow
from include.terraform.process import Started
from include.terraform.progress import Progress
from tests.support.infrastructure_scene import RUN, InfrastructureScene, InfrastructureStep

RECORD = "_3639ac51.app.core.example. CNAME _60ab1d7f.acm-validations.aws."
WAITING = {
    "mode": "managed",
    "type": "aws_acm_certificate",
    "name": "app",
    "instances": [
        {
            "attributes": {
                "id": "arn:aws:acm:eu-west-2:111111111111:certificate/1",
                "status": "PENDING_VALIDATION",
                "domain_validation_options": [
                    {
                        "domain_name": "app.core.example",
                        "resource_record_name": "_3639ac51.app.core.example.",
                        "resource_record_type": "CNAME",
                        "resource_record_value": "_60ab1d7f.acm-validations.aws.",
                    }
                ],
            }
        }
    ],
}


def line(kind, resource_type):
    resource = {"addr": f"{resource_type}.app", "resource_type": resource_type}
    return json.dumps({"@level": "info", "type": kind, "hook": {"resource": resource, "action": "create"}})


@pytest.fixture
def ctx(cloud, control, small_inventory, settled, external_services):
    scene = InfrastructureScene(cloud, control, small_inventory.target("core/staging"), RUN)
    return InfrastructureStep(scene, scene.writer(RUN, "apply_plan"))


def test_records_are_shown_while_terraform_waits_and_are_on_record_once(ctx):
    state = {"version": 4, "lineage": "a-lineage", "serial": 1, "resources": [WAITING]}
    ctx.clients.s3.put_object(Bucket="core-non-prod-tf-state", Key="core-staging.tfstate", Body=json.dumps(state))
    record = follow._Record(ctx, Progress(2), Started(0, ""))  # its process is not looked at
    record.take(1, line("apply_start", "aws_acm_certificate"))
    record.take(2, line("apply_complete", "aws_acm_certificate"))
    assert "DNS" not in ctx.told[-1]
    record.take(3, line("apply_start", "aws_acm_certificate_validation"))
    record._tell()
    record._tell()
    assert ctx.told[-1].endswith(f"; ACM waits for these DNS records: {RECORD.rstrip('.')}")
    assert ctx.texts(RUN, "note") == [
        f"ACM waits for these DNS records: {RECORD}; create those that the code does not create"
    ]
    record.take(4, line("apply_complete", "aws_acm_certificate_validation"))
    assert "DNS" not in ctx.told[-1]
