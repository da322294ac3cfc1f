"""Import what every task needs before the scheduler forks its workers, so that no task pays for it again.

Airflow imports this module by its name when it starts. A step that talks to AWS imports the provider and boto3, over a
second in a fresh process; forked after that, a task has them at once. The runbooks themselves are not imported here:
a change to them takes effect without a restart.
"""

import sys

if {"scheduler", "dag-processor"} & set(sys.argv):
    import airflow.providers.amazon.aws.hooks.base_aws
    import airflow.providers.amazon.aws.utils.connection_wrapper
    import airflow.providers.slack.hooks.slack
    import airflow.providers.standard.operators.hitl  # noqa: F401  # all are imported for their weight, not their names
    import boto3  # noqa: F401
    import pydantic  # noqa: F401
    import yaml  # noqa: F401

__all__: list[str] = []  # no policies: nothing here changes what Airflow does
