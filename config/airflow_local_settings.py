"""Load what every task needs before the scheduler forks its workers, so that no task pays for it again.

Airflow imports this module by its name when it starts. What is loaded, when not, and what becomes of it when the code
changes is in plugins/opskit/airflow_patches/preload.py.
"""

import sys

for component in {"scheduler", "dag-processor"} & set(sys.argv):
    from opskit.airflow_patches.preload import preload

    preload(component)

__all__: list[str] = []  # no policies: nothing here changes what Airflow does
