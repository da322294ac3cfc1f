"""Every error in an inventory file is reported with its file, its path, and what was expected."""

from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from include.inventory import load
from include.inventory.approving import Approval
from include.inventory.models import Duration, Hours, Model
from tests.unit.inventory.conftest import ABSENT, LIBRARY

Library = Callable[..., Path]
Complaint = Callable[[Path], str]
STAGING = "environments/staging"
SERVICE = f"{STAGING}/services/0"
GROUP = {"name": "asg", "min": 1, "max": 4}
BLUE_GREEN = {"application": "library", "group": "library", "green_target_group": "library-staging-green"}
SHIFT = {"strategy": "BLUE_GREEN", "alternate_target_group": "library-staging-b"}
REGISTRY = {"account": "555555555550", "region": "eu-west-1", "repository": "library"}
EC2 = {f"{SERVICE}/launch_type": "EC2", f"{SERVICE}/scaling_group": GROUP}
HOURS = {"days": ["Mon"], "start": "08:00", "end": "17:00", "timezone": "Europe/London"}
ONE_OFF = {"family": "catalogue", "container": "web", "log_group": "/library/staging", "commands": {}}
RELEASE = {"services": ["catalogue"], "timeout": "20m"}
LIMIT, INF = {"path": "/", "milliseconds": 250, "per_second": 5}, float("inf")
GATE = {"command": ["ab"], "thresholds": [{"path": "/", "milliseconds": 250, "per_second": 5}]}
ACTION = {"name": "down", "schedule": "cron(0 19 * * ? *)", "timezone": "UTC", "min": 1, "max": 1}

# the file's path before the colon is always "library.yaml: "
DATA = {"buckets": ["maps"], "application": "https://maps.example"}
MAPS = {"instance": "maps", "name": "maps", "connection": "postgres_maps", "region_config": True}
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "group too small for a surge": (
        {**EC2, f"{STAGING}/restart/strategy": "surge", f"{SERVICE}/scaling_group": {**GROUP, "max": 3}},
        "environments.staging.services[0].scaling_group.max: 3 is too few for a surge of 'catalogue', which needs 4, twice its 2 "
        "tasks.",
    ),
    "matcher of no HTTP code": (
        {f"{SERVICE}/load_balancing/matcher": "200,999"},
        "environments.staging.services[0].load_balancing.matcher: '999' is no code that a target group takes; it takes 200 to 499, "
        "such as 200 or 200-299.",
    ),
    "matcher upside down": (
        {f"{SERVICE}/load_balancing/matcher": "299-200"},
        "environments.staging.services[0].load_balancing.matcher: '299-200' is no code that a target group takes;",
    ),
    "no time to answer": (
        {f"{STAGING}/approval/respond_within": "0s"},
        "environments.staging.approval.respond_within: 0 leaves no time; give a duration such as 90s, 24m, 4h or 7d.",
    ),
    "duration of twenty digits": (
        {f"{STAGING}/restart/timeout": "1" * 20 + "d"},
        "environments.staging.restart.timeout: expected a duration such as 90s, 24m, 4h or 7d, not '11111111111111111111d'.",
    ),
    "duration of a year": (
        {f"{STAGING}/restart/timeout": "366d"},
        "environments.staging.restart.timeout: 366 days, 0:00:00 is longer than 31d, the longest that is taken.",
    ),
    "empty family": (
        {f"{SERVICE}/family": ""},
        "environments.staging.services[0].family: '' does not fit ^[A-Za-z0-9_-]{1,255}$.",
    ),
    "empty title": ({"title": ""}, "title: expected a text without control characters or blanks at its ends, not ''."),
    "approver with a blank": (
        {f"{STAGING}/approval/approvers": ["ann "]},
        "environments.staging.approval.approvers[0]: 'ann ' does not fit ^[^\\s,:]{1,255}$.",
    ),
    "target group of 33 letters": (
        {f"{SERVICE}/load_balancing/target_group": "x" * 33},
        "environments.staging.services[0].load_balancing.target_group: String should have at most 32 characters, not "
        f"'{'x' * 33}'.",
    ),
    "target group with an underscore": (
        {f"{SERVICE}/load_balancing/target_group": "library_staging"},
        "environments.staging.services[0].load_balancing.target_group: 'library_staging' does not fit",
    ),
    "unknown region": (
        {f"{STAGING}/region": "eu-wset-1"},
        "environments.staging.region: 'eu-wset-1' is no region of AWS (did you mean eu-west-1?).",
    ),
    "tasks of twenty digits": (
        {f"{SERVICE}/tasks": 10**20},
        "environments.staging.services[0].tasks: Input should be less than or equal to 5000, not 100000000000000000000.",
    ),
    "tasks that are true": (
        {f"{SERVICE}/tasks": True},
        "environments.staging.services[0].tasks: Input should be a valid integer, not True.",
    ),
    "a size that Fargate has not": (
        {f"{SERVICE}/memory": 700},
        "environments.staging.services[0].memory: Fargate does not offer 700 MiB with 512 CPU units; use 1024 MiB.",
    ),
    "CPU that Fargate has not": (
        {f"{SERVICE}/cpu": 500},
        "environments.staging.services[0].memory: Fargate has no size of 500 CPU units; use one of 256, 512, 1024,",
    ),
    "one-off size that Fargate has not": (
        {f"{STAGING}/one_off": {**ONE_OFF, "cpu": 256, "memory": 4096}},
        "environments.staging.one_off.memory: Fargate does not offer 4096 MiB with 256 CPU units; use 2048 MiB, or 512 or 1024 or "
        "2048 CPU units.",
    ),
    "one-off command of nothing": (
        {f"{STAGING}/one_off": {**ONE_OFF, "commands": {"migrate": []}}},
        "environments.staging.one_off.commands.migrate: Tuple should have at least 1 item after validation, not 0, not [].",
    ),
    "percents that leave no room": (
        {f"{SERVICE}/tasks": 1, f"{SERVICE}/maximum_percent": 150},
        "environments.staging.services[0].maximum_percent: 150 with a minimum_healthy_percent of 100 leaves no room to deploy 1 "
        "tasks: ECS may neither start one more nor stop one; raise it.",
    ),
    "schedule in no time zone": (
        {f"{SERVICE}/scheduled_scaling": [{**ACTION, "timezone": "Europe/Londn"}]},
        "environments.staging.services[0].scheduled_scaling[0].timezone: 'Europe/Londn' is no time zone",
    ),
    "schedule upside down": (
        {f"{SERVICE}/scheduled_scaling": [{**ACTION, "min": 2}]},
        "environments.staging.services[0].scheduled_scaling[0]: min 2 is above max 1.",
    ),
    "channel that is no name": (
        {f"{STAGING}/slack_channel": "library staging"},
        "environments.staging.slack_channel: 'library staging' does not fit",
    ),
    "limit that is not a number": (
        {
            f"{STAGING}/release": {
                **RELEASE,
                "performance": {"command": ["ab"], "thresholds": [{**LIMIT, "per_second": INF}]},
            }
        },
        "environments.staging.release.performance.thresholds[0].per_second: Input should be a finite number, not inf.",
    ),
    "account without quotes": (
        {f"{STAGING}/account": 555555555551},
        "environments.staging.account: YAML reads an unquoted 555555555551 as a number; write all 12 digits in quotes: "
        '"555555555551".',
    ),
    "account with a leading zero and without quotes": (
        {f"{STAGING}/account": 0o12345670123},
        "environments.staging.account: YAML reads an unquoted 012345670123 as the octal number 1402433619; write it in quotes: "
        '"012345670123".',
    ),
    "account too short": (
        {f"{STAGING}/account": "55555"},
        "environments.staging.account: '55555' does not fit ^[0-9]{12}$.",
    ),
    "account in digits of another script": (
        {f"{STAGING}/account": "\u0661" * 12},
        f"environments.staging.account: '{chr(0x661) * 12}' does not fit ^[0-9]{{12}}$.",
    ),
    "account is missing": ({f"{STAGING}/account": ABSENT}, "environments.staging.account: required."),
    "rule that lets a runbook run unattended gives no reason": (
        {f"{STAGING}/approval/unattended": {"review_app_cleanup": {}}},
        "environments.staging.approval.unattended.review_app_cleanup.reason: required.",
    ),
    "purpose": (
        {f"{STAGING}/purpose": "playground"},
        "environments.staging.purpose: Input should be 'production', 'staging', 'development' or 'review'.",
    ),
    "approval is missing": ({f"{STAGING}/approval": ABSENT}, "environments.staging.approval: required."),
    "unknown key": (
        {f"{SERVICE}/memroy": 1024},
        "environments.staging.services[0].memroy: unknown key; remove it or correct its spelling.",
    ),
    "region": (
        {f"{STAGING}/region": "Ireland"},
        "environments.staging.region: 'Ireland' is no region of AWS; there are af-south-1, ca-central-1,",
    ),
    "region with a quote": (
        {f"{STAGING}/region": "eu-west-1' OR '1"},
        "environments.staging.region: \"eu-west-1' OR '1\" is no region of AWS (did you mean eu-west-1?).",
    ),
    "region with a blank": (
        {f"{STAGING}/region": "eu-west-1 "},
        "environments.staging.region: 'eu-west-1 ' is no region of AWS (did you mean eu-west-1?).",
    ),
    "region with a newline": (
        {f"{STAGING}/region": "eu-west-1\n"},
        "environments.staging.region: 'eu-west-1\\n' is no region of AWS (did you mean eu-west-1?).",
    ),
    "availability zone for a region": (
        {f"{STAGING}/region": "eu-west-1a"},
        "environments.staging.region: 'eu-west-1a' is no region of AWS (did you mean eu-west-1?).",
    ),
    "account too long": (
        {f"{STAGING}/account": "5555555555511"},
        "environments.staging.account: '5555555555511' does not fit ^[0-9]{12}$.",
    ),
    "account with dashes": (
        {f"{STAGING}/account": "5555-5555-5551"},
        "environments.staging.account: '5555-5555-5551' does not fit ^[0-9]{12}$.",
    ),
    "account as an ARN": (
        {f"{STAGING}/account": "arn:aws:iam::555555555551:root"},
        "environments.staging.account: 'arn:aws:iam::555555555551:root' does not fit ^[0-9]{12}$.",
    ),
    "environment with a blank": (
        {"environments/production ": {}},
        "environments.production .[key]: 'production ' does not fit ^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
    ),
    "empty names": (
        {f"{STAGING}/cluster": "", f"{STAGING}/role": ""},
        "environments.staging.role: '' does not fit ^[A-Za-z0-9_+=,.@/-]{1,576}$; "
        "environments.staging.cluster: '' does not fit ^[A-Za-z0-9_-]{1,255}$.",
    ),
    "role that is an ARN": (
        {f"{STAGING}/role": "arn:aws:iam::555555555551:role/x"},
        "environments.staging.role: 'arn:aws:iam::555555555551:role/x' does not fit",
    ),
    "cluster that is a path": (
        {f"{STAGING}/cluster": "../core"},
        "environments.staging.cluster: '../core' does not fit",
    ),
    "environment with a capital": (
        {"environments/Production": {}},
        "environments.Production.[key]: 'Production' does not fit ^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
    ),
    "no environment": ({"environments": {}}, "environments: Dictionary should have at least 1 item"),
    "github": ({"github": "https://github.com/a/b"}, "github: 'https://github.com/a/b' does not fit"),
    "jira project": ({"jira_project": "cldc"}, "jira_project: 'cldc' does not fit ^[A-Z][A-Z0-9]+$."),
    "jira transition without a project": (
        {"jira_transition": "Release"},
        "jira_transition: needs jira_project, whose tickets it moves",
    ),
    "sentry without a project": ({"sentry": {"organization": "library"}}, "sentry.project: required"),
    "sentry as an address": (
        {"sentry": {"organization": "https://sentry.io/library", "project": "web"}},
        "sentry.organization: 'https://sentry.io/library' does not fit ^[a-z0-9][a-z0-9_-]*$.",
    ),
    "sentry environment that is none here": (
        {"sentry": {"organization": "library", "project": "web", "environments": {"live": "production"}}},
        "sentry.environments: 'live' is no environment of this system (known: staging",
    ),
    "duration in words": (
        {f"{SERVICE}/boot": "10 minutes"},
        "environments.staging.services[0].boot: expected a duration such as 90s, 24m, 4h or 7d, not '10 minutes'.",
    ),
    "duration without a unit": (
        {f"{SERVICE}/boot": 90},
        "environments.staging.services[0].boot: expected a duration such as 90s, 24m, 4h or 7d, not 90.",
    ),
    "negative duration": ({f"{SERVICE}/boot": "-5m"}, "environments.staging.services[0].boot: expected a duration"),
    "launch type": (
        {f"{SERVICE}/launch_type": "EKS"},
        "environments.staging.services[0].launch_type: Input should be 'EC2' or 'FARGATE'.",
    ),
    "tasks below zero": (
        {f"{SERVICE}/tasks": -1},
        "environments.staging.services[0].tasks: Input should be greater than or equal to 0, not -1.",
    ),
    "port": (
        {f"{SERVICE}/load_balancing/container_port": 70000},
        "environments.staging.services[0].load_balancing.container_port: Input should be less than or equal to 65535, not "
        "70000.",
    ),
    "matcher": (
        {f"{SERVICE}/load_balancing/matcher": "ok"},
        "environments.staging.services[0].load_balancing.matcher: 'ok' does not fit",
    ),
    "path": (
        {f"{SERVICE}/load_balancing/path": "health"},
        "environments.staging.services[0].load_balancing.path: 'health' does not fit ^/\\S*$.",
    ),
    "EC2 without a group": (
        {f"{SERVICE}/launch_type": "EC2"},
        "environments.staging.services[0].scaling_group: required for a service with launch_type EC2.",
    ),
    "FARGATE with a group": (
        {f"{SERVICE}/scaling_group": GROUP},
        "environments.staging.services[0].scaling_group: a FARGATE service has no instances; remove it.",
    ),
    "group upside down": (
        {**EC2, f"{SERVICE}/scaling_group": {"name": "asg", "min": 4, "max": 3}},
        "environments.staging.services[0].scaling_group: min 4 is above max 3.",
    ),
    "schedule": (
        {f"{SERVICE}/scheduled_scaling": [{**ACTION, "schedule": "0 19 * * *"}]},
        "environments.staging.services[0].scheduled_scaling[0].schedule: '0 19 * * *' does not fit",
    ),
    "no cluster": (
        {f"{STAGING}/cluster": ABSENT},
        "environments.staging.cluster: required for an environment with services.",
    ),
    "restart of an unknown service": (
        {f"{STAGING}/restart/services": ["catalog"]},
        "environments.staging.restart.services: 'catalog' is no service of this environment (known: catalogue).",
    ),
    "restart without any service": (
        {f"{STAGING}/services": []},
        "environments.staging.restart.services: 'catalogue' is no service of this environment (known: none).",
    ),
    "restart of nothing": (
        {f"{STAGING}/restart/services": []},
        "environments.staging.restart.services: Tuple should have at least 1 item",
    ),
    "restart of one service twice": (
        {f"{STAGING}/restart/services": ["catalogue", "catalogue"]},
        "environments.staging.restart.services: the same service is listed twice.",
    ),
    "restart that cannot be done in time": (
        {f"{STAGING}/restart/timeout": "45s"},
        "environments.staging.restart.timeout: 0.75m is not longer than the 0.75m that 'catalogue' takes to boot, so every "
        "restart would stop half way.",
    ),
    "restart of a CodeDeploy service": (
        {f"{SERVICE}/deployment_controller": "CODE_DEPLOY", f"{SERVICE}/code_deploy": BLUE_GREEN},
        "environments.staging.restart.services: 'catalogue' is deployed by CodeDeploy, which refuses a forced deployment.",
    ),
    "CodeDeploy service without its group": (
        {f"{SERVICE}/deployment_controller": "CODE_DEPLOY"},
        "environments.staging.services[0].code_deploy: required for a service with deployment_controller CODE_DEPLOY.",
    ),
    "CodeDeploy's group at a service of ECS": (
        {f"{SERVICE}/code_deploy": BLUE_GREEN},
        "environments.staging.services[0].code_deploy: only for a service with deployment_controller CODE_DEPLOY; remove it.",
    ),
    "CodeDeploy service without a load balancer": (
        {
            f"{SERVICE}/deployment_controller": "CODE_DEPLOY",
            f"{SERVICE}/code_deploy": BLUE_GREEN,
            f"{SERVICE}/load_balancing": ABSENT,
        },
        "environments.staging.services[0].load_balancing: required for a service with deployment_controller CODE_DEPLOY.",
    ),
    "strategy without its second target group": (
        {f"{SERVICE}/deployment_strategy": {"strategy": "BLUE_GREEN"}},
        "environments.staging.services[0].deployment_strategy.alternate_target_group: required for a service with "
        "load_balancing, and only there.",
    ),
    "strategy with one target group twice": (
        {f"{SERVICE}/deployment_strategy": {**SHIFT, "alternate_target_group": "library-staging"}},
        "environments.staging.services[0].deployment_strategy.alternate_target_group: 'library-staging' is the first one, too; "
        "name the other target group.",
    ),
    "strategy of a CodeDeploy service": (
        {
            f"{SERVICE}/deployment_strategy": SHIFT,
            f"{SERVICE}/deployment_controller": "CODE_DEPLOY",
            f"{SERVICE}/code_deploy": BLUE_GREEN,
        },
        "environments.staging.services[0].deployment_strategy: only for a service with deployment_controller ECS; remove it.",
    ),
    "canary without its share": (
        {f"{SERVICE}/deployment_strategy": {**SHIFT, "strategy": "CANARY"}},
        "environments.staging.services[0].deployment_strategy.percent: required for the strategy CANARY.",
    ),
    "bake of half a minute": (
        {f"{SERVICE}/deployment_strategy": {**SHIFT, "bake": "30s"}},
        "environments.staging.services[0].deployment_strategy.bake: ECS takes whole minutes from 0m to 24h, not 30s.",
    ),
    "pause in the middle of a shift": (
        {f"{SERVICE}/deployment_strategy": {**SHIFT, "hooks": [{"stages": ["PRODUCTION_TRAFFIC_SHIFT"]}]}},
        "environments.staging.services[0].deployment_strategy.hooks[0].stages: a deployment cannot pause at "
        "PRODUCTION_TRAFFIC_SHIFT; name a function, or another stage.",
    ),
    "strategy with an unknown alarm": (
        {f"{SERVICE}/deployment_strategy": {**SHIFT, "alarms": ["5xx"]}},
        "environments.staging.services: catalogue.deployment_strategy.alarms: '5xx' is no alarm of this environment; list it in "
        "alarms as well.",
    ),
    "green that is blue": (
        {
            f"{SERVICE}/deployment_controller": "CODE_DEPLOY",
            f"{SERVICE}/code_deploy": {**BLUE_GREEN, "green_target_group": "library-staging"},
        },
        "environments.staging.services[0].code_deploy.green_target_group: 'library-staging' is the blue one, too; name the "
        "other target group.",
    ),
    "registry that keeps nothing": (
        {f"{STAGING}/registry": {**REGISTRY, "keep": {"staging-": 0}}},
        "environments.staging.registry.keep.staging-: Input should be greater than or equal to 1",
    ),
    "surge on FARGATE": (
        {f"{STAGING}/restart/strategy": "surge"},
        "environments.staging.restart.strategy: surge needs instances, but 'catalogue' has launch_type FARGATE; use rolling, for "
        "this service alone by strategies.",
    ),
    "strategy of a service that is not restarted": (
        {f"{STAGING}/restart/strategies": {"worker": "rolling"}},
        "environments.staging.restart.strategies: 'worker' is none of restart.services; list it there, or remove it.",
    ),
    "surge without a target group": (
        {**EC2, f"{STAGING}/restart/strategy": "surge", f"{SERVICE}/load_balancing": ABSENT},
        "environments.staging.services: 'catalogue' needs load_balancing, since surge waits for healthy targets.",
    ),
    "one-off task without a network": (
        {**EC2, f"{STAGING}/one_off": ONE_OFF},
        "environments.staging.one_off.network: required where no service is on FARGATE, whose network a one-off task could take.",
    ),
    "network of a one-off task": (
        {
            f"{STAGING}/one_off": {
                **ONE_OFF,
                "network": {"vpc": "vpc", "subnet_name": "p", "security_groups": ["sg-12345678"]},
            }
        },
        "environments.staging.one_off.network.vpc: 'vpc' does not fit ^vpc-[0-9a-f]{8,17}$.",
    ),
    "release of an unknown service": (
        {f"{STAGING}/release": {**RELEASE, "services": ["catalog"]}},
        "environments.staging.release.services: 'catalog' is no service of this environment (known: catalogue).",
    ),
    "release of one service twice": (
        {f"{STAGING}/release": {**RELEASE, "services": ["catalogue", "catalogue"]}},
        "environments.staging.release.services: the same service is listed twice.",
    ),
    "release that cannot be done in time": (
        {f"{STAGING}/release": {**RELEASE, "timeout": "45s"}},
        "environments.staging.release.timeout: 0.75m is not longer than the 0.75m that 'catalogue' takes to boot, so every "
        "release would stop half way.",
    ),
    "release that migrates without a command": (
        {f"{STAGING}/release": {**RELEASE, "migrate": "migrate"}},
        "environments.staging.release.migrate: one_off has no command 'migrate'; add it there.",
    ),
    "pipeline without a workflow": (
        {f"{STAGING}/release": {**RELEASE, "deployed_by": "pipeline"}},
        "environments.staging.release.workflow: required where a pipeline deploys, and only there.",
    ),
    "proof of nowhere": (
        {f"{STAGING}/release": {**RELEASE, "proved_on": "test", "bake": {"duration": "30m"}}},
        "environments.staging.release.proved_on: 'test' is no other environment with a release section.",
    ),
    "proof of itself": (
        {f"{STAGING}/release": {**RELEASE, "proved_on": "staging", "bake": {"duration": "30m"}}},
        "environments.staging.release.proved_on: 'staging' is no other environment with a release section.",
    ),
    "proved image without a bake": (
        {f"{STAGING}/release": {**RELEASE, "proved_on": "test"}},
        "environments.staging.release.bake: required where an image proved elsewhere is released.",
    ),
    "performance test without a task": (
        {f"{STAGING}/release": {**RELEASE, "performance": GATE}},
        "environments.staging.release.performance: needs a one_off section, whose task definition it runs in.",
    ),
    "performance test of nothing": (
        {f"{STAGING}/release": {**RELEASE, "performance": {**GATE, "thresholds": []}}},
        "environments.staging.release.performance.thresholds: Tuple should have at least 1 item",
    ),
    "quiet alarm that is none": (
        {f"{STAGING}/release": {**RELEASE, "bake": {"duration": "30m", "quiet": ["cpu"]}}},
        "environments.staging.release.bake: 'cpu' is no alarm of this environment; list it in alarms as well.",
    ),
    "scan policy with an unknown severity": (
        {f"{STAGING}/release": {**RELEASE, "scan": {"refuse": ["critical"]}}},
        "environments.staging.release.scan.refuse[0]: Input should be 'CRITICAL', 'HIGH'",
    ),
    "region data without a database": (
        {f"{STAGING}/region_data": DATA},
        "environments.staging.region_data: needs a restart section, and a database with region_config: true.",
    ),
    "region data in a bucket that is a URI": (
        {f"{STAGING}/database": MAPS, f"{STAGING}/region_data": {**DATA, "buckets": ["s3://maps"]}},
        "environments.staging.region_data.buckets[0]: 's3://maps' does not fit",
    ),
    "region data with a file outside its folder": (
        {f"{STAGING}/database": MAPS, f"{STAGING}/region_data": {**DATA, "required": ["/topo.json"]}},
        "environments.staging.region_data.required: '/topo.json' is no name within a region's folder, such as topo.json.",
    ),
    "region data that nobody looks at first": (
        {f"{STAGING}/database": MAPS, f"{STAGING}/region_data": {**DATA, "proved_on": "staging"}},
        "environments.staging.region_data.proved_on: 'staging' is no other environment with a region_data section.",
    ),
    "version prefix": (
        {"versions": {"prefix": "V"}},
        "versions.prefix: Input should be 'v' or ''.",
    ),
    "nobody to approve": (
        {f"{STAGING}/approval/approvers": []},
        "environments.staging.approval.approvers: Tuple should have at least 1 item",
    ),
    "two approvers wanted, one listed": (
        {f"{STAGING}/approval/count": 2, f"{STAGING}/approval/approvers": ["ann"]},
        "environments.staging.approval.approvers: 2 are needed but only 1 listed.",
    ),
    "approver twice": (
        {f"{STAGING}/approval/count": 2, f"{STAGING}/approval/approvers": ["ann", "ann"]},
        "environments.staging.approval.approvers: the same person is listed twice.",
    ),
    "no approval needed": (
        {f"{STAGING}/approval/count": 0},
        "environments.staging.approval.count: Input should be 1 or 2.",
    ),
    "hours without quotes": (
        {f"{STAGING}/maintenance_hours": {**HOURS, "start": 600, "end": 1020}},  # YAML's reading of 10:00 and 17:00
        'environments.staging.maintenance_hours.start: expected a quoted time of day such as "08:00", not 600; '
        'environments.staging.maintenance_hours.end: expected a quoted time of day such as "08:00", not 1020.',
    ),
    "hours with an offset": (
        {f"{STAGING}/maintenance_hours": {**HOURS, "start": "08:00Z"}},
        "environments.staging.maintenance_hours.start: expected a quoted time of day such as \"08:00\", not '08:00Z'.",
    ),
    "hours past midnight": (
        {f"{STAGING}/maintenance_hours": {**HOURS, "start": "22:00", "end": "06:00"}},
        "environments.staging.maintenance_hours: start 22:00 is not before end 06:00.",
    ),
    "timezone": (
        {f"{STAGING}/maintenance_hours": {**HOURS, "timezone": "London"}},
        "environments.staging.maintenance_hours.timezone: 'London' is no time zone of the IANA database, such as "
        "Europe/London.",
    ),
    "timezone that is a path": (
        {f"{STAGING}/maintenance_hours": {**HOURS, "timezone": "../../etc/passwd"}},
        "environments.staging.maintenance_hours.timezone: '../../etc/passwd' is no time zone of the IANA database",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_reported_with_file_path_and_what_was_expected(mistake: str, library: Library, complaint: Complaint):
    changes, expected = MISTAKES[mistake]
    message = complaint(library(changes))
    assert message.startswith(f"library.yaml: {expected}")
    assert message.endswith(".")


def test_two_services_of_one_name_are_refused(library: Library, complaint: Complaint):
    folder = library()
    text = (folder / "library.yaml").read_text()
    start, end = text.index("    - name: catalogue"), text.index("    restart:")
    (folder / "library.yaml").write_text(text[:end] + text[start:end] + text[end:])
    assert complaint(folder) == "library.yaml: environments.staging.services: two services have the same name."


def test_same_service_name_in_two_environments_is_no_mistake(library: Library):
    folder = library()
    text = (folder / "library.yaml").read_text()
    production = text[text.index("  staging:") :].replace("staging:", "production:", 1).replace("555551'", "555552'")
    (folder / "library.yaml").write_text(text + production)
    assert list(load(folder).targets) == ["library/staging", "library/production"]


def test_service_of_two_targets_is_refused_since_each_would_have_a_lease_of_its_own(
    library: Library, complaint: Complaint
):
    folder = library()
    text = (folder / "library.yaml").read_text()
    (folder / "library.yaml").write_text(text + text[text.index("  staging:") :].replace("staging:", "production:", 1))
    assert complaint(folder) == (
        "library/production and library/staging both have service catalogue of cluster library-staging in account "
        "555555555551, eu-west-1; a service belongs to one target, correct the copy."
    )


def test_what_is_left_out_has_the_careful_value(library: Library):
    environment = load(library()).target("library/staging").environment
    service = environment.service("catalogue")
    assert (environment.approval.count, environment.approval.requester_may_approve) == (1, False)
    assert (service.minimum_healthy_percent, service.maximum_percent) == (100, 200)
    assert environment.operations_table == "runbook-operations"
    assert environment.maintenance_hours is None


def test_each_service_may_have_a_strategy_of_its_own(library: Library):
    catalogue = LIBRARY["environments"]["staging"]["services"][0]
    worker = {**catalogue, "name": "worker", "load_balancing": None}
    on_instances = {**catalogue, "launch_type": "EC2", "scaling_group": GROUP}
    changes = {
        f"{STAGING}/services": [on_instances, worker],
        f"{STAGING}/restart": {
            "strategy": "rolling",
            "strategies": {"catalogue": "surge"},
            "services": ["worker", "catalogue"],
            "timeout": "10m",
        },
    }
    restart = load(library(changes)).target("library/staging").restart
    assert [restart.strategy_of(name) for name in restart.services] == ["rolling", "surge"]
    assert restart.surged == ("catalogue",)


def test_surge_on_instances_with_a_target_group_is_accepted(library: Library):
    target = load(library({**EC2, f"{STAGING}/restart/strategy": "surge"})).target("library/staging")
    assert target.restart.strategy == "surge"


@pytest.mark.parametrize("matcher", ["200", "204", "200-299", "200,204"])
def test_matcher_is_written_as_aws_writes_it(matcher: str, library: Library):
    service = load(library({f"{SERVICE}/load_balancing/matcher": matcher})).target("library/staging")
    balancing = service.environment.service("catalogue").load_balancing
    assert balancing is not None
    assert balancing.matcher == matcher


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("90s", timedelta(seconds=90)),
        ("24m", timedelta(minutes=24)),
        ("4h", timedelta(hours=4)),
        ("7d", timedelta(days=7)),
    ],
)
def test_duration_is_a_number_and_its_unit(written: str, meant: timedelta):
    class Wait(Model):
        takes: Duration

    wait = Wait.model_validate({"takes": written})
    assert wait.takes == meant
    assert Wait.model_validate(wait.model_dump(mode="json")) == wait


@pytest.mark.parametrize("written", ["5m\n", " 5m", "5M", "5m30s", "1.5h", "", "\u0665m", True, None])
def test_duration_in_any_other_form_is_refused(written: object):
    class Wait(Model):
        takes: Duration

    with pytest.raises(ValidationError, match="expected a duration"):
        Wait.model_validate({"takes": written})


def test_hours_are_read_as_they_are_written():
    hours = Hours.model_validate(HOURS)
    assert (hours.start, hours.end) == (time(8, 0), time(17, 0))


def test_inventory_cannot_be_changed_once_read(library: Library):
    environment = load(library()).target("library/staging").environment
    with pytest.raises(ValidationError, match="frozen"):
        environment.account = "999999999999"


def test_policy_of_two_people_is_accepted():
    assert Approval(approvers=("ann", "bob"), count=2, respond_within=timedelta(hours=8)).count == 2


def test_unknown_service_is_a_key_error(library: Library):
    with pytest.raises(KeyError, match="nothing"):
        load(library()).target("library/staging").environment.service("nothing")
