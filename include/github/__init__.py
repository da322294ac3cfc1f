"""GitHub as far as releases need it: thin calls on a PyGithub repository, whose client repeats nothing by itself."""

from include.github.commits import (
    changed_files,
    compare_status,
    find_commit,
    list_checks,
    list_commits_between,
    list_tags,
)
from include.github.releases import Release, create_draft, find_release, generate_notes, publish
from include.github.workflows import (
    WorkflowRun,
    dispatch_workflow,
    find_run,
    get_run,
    list_running_workflows,
    newest_run,
)

__all__ = [
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
    "get_run",
    "list_checks",
    "list_commits_between",
    "list_running_workflows",
    "list_tags",
    "newest_run",
    "publish",
]
