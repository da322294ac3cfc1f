"""Import what every task needs before the scheduler forks its workers, so that no task pays for it again.

Airflow imports this module by its name when it starts. A step that talks to AWS imports the provider and boto3, over a
second in a fresh process; forked after that, a task has them at once. So it has our own code, unless that changed since: a
change takes effect without a restart, though steps are slower until there is one (plugins/opskit/head_start.py).
"""

import sys

if {"scheduler", "dag-processor"} & set(sys.argv):
    import airflow.providers.amazon.aws.hooks.base_aws
    import airflow.providers.amazon.aws.utils.connection_wrapper
    import airflow.providers.atlassian.jira.hooks.jira
    import airflow.providers.github.hooks.github
    import airflow.providers.http.hooks.http
    import airflow.providers.slack.hooks.slack
    import airflow.providers.standard.operators.hitl  # noqa: F401  # all are imported for their weight, not their names
    import boto3  # noqa: F401
    import pydantic  # noqa: F401
    import yaml  # noqa: F401

    from opskit.head_start import give_head_start

    give_head_start()

__all__: list[str] = []  # no policies: nothing here changes what Airflow does
