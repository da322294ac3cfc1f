"""GitHub as far as releases need it: thin calls on a PyGithub repository, whose client repeats nothing by itself.

The modules are loaded on first use: importing PyGithub takes half a second, and every process that reads a runbook imports this
package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.github.commits import (
        Commit,
        changed_files,
        compare_status,
        find_commit,
        list_checks,
        list_commits_between,
        list_newest_commits,
        list_tags,
    )
    from include.github.pulls import Pull, get_pull
    from include.github.releases import Release, create_draft, find_release, generate_notes, publish, was_applied
    from include.github.workflows import (
        CREATE_DISPATCH,
        WorkflowRun,
        dispatch_workflow,
        find_run,
        get_run,
        list_running_workflows,
        newest_run,
    )

__all__ = [
    "CREATE_DISPATCH",
    "Commit",
    "Pull",
    "Release",
    "WorkflowRun",
    "changed_files",
    "compare_status",
    "create_draft",
    "dispatch_workflow",
    "find_commit",
    "find_release",
    "find_run",
    "generate_notes",
    "get_pull",
    "get_run",
    "list_checks",
    "list_commits_between",
    "list_newest_commits",
    "list_running_workflows",
    "list_tags",
    "newest_run",
    "publish",
    "was_applied",
]


def __getattr__(name: str) -> Any:
    for part in ("commits", "pulls", "releases", "workflows"):
        if name in __all__ and hasattr(module := import_module(f"{__name__}.{part}"), name):
            return getattr(module, name)
    raise AttributeError(f"{__name__} has no {name}")
