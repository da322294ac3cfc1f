"""Refuse settings that cannot be meant, and load what every task needs before the processes of tasks are forked.

Airflow imports this module by its name when it starts. opskit/settings_check.py says which settings do not exist,
deployment/installation.py which ones differ from the other components', opskit/queues.py which program a worker lacks, and
opskit/airflow_patches/preload.py what is loaded, when not, and what becomes of it when the code changes.
"""

import os
import sys

from deployment import installation
from opskit.queues import refuse_missing_program
from opskit.settings_check import is_component, refuse_unknown_settings

if is_component(sys.argv[1:]):
    refuse_unknown_settings()
    refuse_missing_program(sys.argv)
    if "db" not in sys.argv:  # which may be about to make other secrets those of the installation
        installation.check(os.environ, sys.argv)
for component in {"scheduler", "dag-processor", "worker"} & set(sys.argv):  # a worker of Celery
    from opskit.airflow_patches.preload import preload

    preload(component)

__all__: list[str] = []  # no policies: nothing here changes what Airflow does
