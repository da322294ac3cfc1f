"""GitHub as far as releases need it: thin calls on a PyGithub repository, whose client repeats nothing by itself.

The modules are loaded on first use: importing PyGithub takes half a second, and every process that reads a runbook imports this
package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.github.comments import (
        Comment,
        add_reaction,
        create_comment,
        edit_comment,
        find_comment,
        list_comments,
        was_posted,
    )
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
    from include.github.deployments import Deployment, create_deployment, list_deployments, set_status
    from include.github.pulls import (
        Labelling,
        Pull,
        find_labelling,
        find_pull,
        get_pull,
        list_open_pulls,
        may_write,
    )
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
    "Comment",
    "Commit",
    "Deployment",
    "Labelling",
    "Pull",
    "Release",
    "WorkflowRun",
    "add_reaction",
    "changed_files",
    "compare_status",
    "create_comment",
    "create_deployment",
    "create_draft",
    "dispatch_workflow",
    "edit_comment",
    "find_comment",
    "find_commit",
    "find_labelling",
    "find_pull",
    "find_release",
    "find_run",
    "generate_notes",
    "get_pull",
    "get_run",
    "list_checks",
    "list_comments",
    "list_commits_between",
    "list_deployments",
    "list_newest_commits",
    "list_open_pulls",
    "list_running_workflows",
    "list_tags",
    "may_write",
    "newest_run",
    "publish",
    "set_status",
    "was_applied",
    "was_posted",
]


def __getattr__(name: str) -> Any:
    for part in ("comments", "commits", "deployments", "pulls", "releases", "workflows"):
        if name in __all__ and hasattr(module := import_module(f"{__name__}.{part}"), name):
            return getattr(module, name)
    raise AttributeError(f"{__name__} has no {name}")
