"""A restart runs with the policy of its runbook alone, in which next to nothing is left over. Releases: test_shifted_releases.py."""

MAPS, HOUSING = "districtbuilder/staging", "core/staging"
UNUSED = {  # rights in the policy that these restarts do not need, and what would need them
    "cloudwatch:DescribeAlarms": "a service whose traffic ECS shifts, with alarms that may bring it back",
    "ecs:StopServiceDeployment": "the same, when it is stopped half way",
}


def test_restarts_on_instances_and_on_fargate_need_all_of_their_policy(airflow, cloud):
    unused = []
    for target in (MAPS, HOUSING):
        run = airflow.trigger(target)
        assert run.to_end() == "success", run.errors
        unused.append(cloud.unused(target, "service_restart"))
    assert unused[0] & unused[1] == set(UNUSED)
