"""The schemas of the runbooks' own fields in Airflow's form. What is optional accepts null, which means its default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from include.releases.migration.request import IN_FULL, MOST_WORDS
from include.releases.migration.rules import LONGEST_COMMAND, PRESETS

END = r"$(?!\n)"  # in Python, $ alone also matches before a newline at the end


def choice(names: Sequence[str], default: str, **rest: str) -> dict[str, Any]:
    """Return the schema of an optional drop-down. Empty means the default."""
    return {
        "default": default,
        "type": ["null", "string"],
        "enum": [*names, None],
        "values_display": {"null": f"{default} (default)"},
        **rest,
    }


COMMIT = {
    "type": "string",
    "maxLength": 40,
    "pattern": f"^[0-9a-f]{{40}}{END}",
    "title": "Commit",
    "description": "All 40 characters of its id, as git rev-parse prints them. The tab Choices lists the newest ones.",
}
COMMIT_OR_NONE = {
    "default": "",
    "type": ["null", "string"],
    "maxLength": 40,
    "pattern": f"^([0-9a-f]{{40}})?{END}",
    "title": "Commit",
    "description": "All 40 characters of its id; left out, the last one that staging has proved. The tab Choices lists them.",
}
COMMIT_OF_PULL = {
    **COMMIT_OR_NONE,
    "description": "All 40 characters of its id. It must be the newest of the pull request, which is what is deployed if it is left out.",
}
RESET_DATABASE = {
    "default": False,
    "type": "boolean",
    "title": "Reset the database",
    "description": "Drop the app's database and have it made and seeded anew. What reviewers put there is lost.",
}
EVEN_IF_WANTED = {
    "default": False,
    "type": "boolean",
    "title": "Even if it is wanted",
    "description": "Take the app away although its pull request is open and asks for it.",
}
VERSION_OR_NONE = {
    "default": "",
    "type": ["null", "string"],
    "maxLength": 40,
    "pattern": rf"^(v?[0-9]{{1,9}}(\.[0-9]{{1,9}}){{2,3}})?{END}",
    "title": "Version",
    "description": "Such as v1.2.3; left out, the one after the last.",
}
BUMP = choice(
    ("patch", "minor", "major"),
    "patch",
    title="Next version",
    description="Which part of the last version counts up, if no version is given.",
)
REPOSITORY = {
    "default": "",
    "type": ["null", "string"],
    "maxLength": 200,
    "pattern": f"^([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?{END}",
    "title": "Repository",
    "description": "<owner>/<name>, if CI wants to be sure; the inventory knows it.",
}
TO_RELEASE = {
    "default": "",
    "type": ["null", "string"],
    "maxLength": 128,
    "pattern": f"^([A-Za-z0-9_][A-Za-z0-9_.-]*)?{END}",  # ECR's form of a tag
    "title": "Release to go back to",
    "description": "The readable tag of a release, such as production-v1.2.3-20261121140000; left out, the last release before the "
    "one that runs. The tab Choices lists those that are still in the registry.",
}

COMMAND = choice(
    (*PRESETS, IN_FULL),
    "migrate",
    title="Command",
    description="One of the inventory's commands, or one given in full below.",
)
COMMAND_IN_FULL = {
    "default": [],
    "type": ["null", "array"],
    "maxItems": MOST_WORDS,
    "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_COMMAND},
    "title": "Command in full",
    "description": 'Only for "in full": the command, one word a line.',
}
CPU = {
    "default": None,
    "type": ["null", "integer"],
    "minimum": 1,
    "maximum": 196_608,  # ECS's own limit: 192 vCPUs
    "title": "CPU units",
    "description": "1024 is one vCPU; left out, the inventory's.",
}
MEMORY = {
    "default": None,
    "type": ["null", "integer"],
    "minimum": 1,
    "maximum": 33_554_432,  # 32 TiB: more than any instance has
    "title": "Memory (MiB)",
    "description": "MiB; left out, the inventory's.",
}
AGAIN = {
    "default": False,
    "type": "boolean",
    "title": "Run it again",
    "description": "Run it although this image has made this migration before.",
}
SNAPSHOT = {
    "default": False,
    "type": "boolean",
    "title": "Snapshot first",
    "description": "Make a snapshot of the database before, and wait for it.",
}

REGIONS = {
    "type": "array",
    "minItems": 1,
    "maxItems": 60,
    "items": {
        "type": "object",
        "properties": {
            "region": {"type": "string", "maxLength": 11},
            "data": {"type": "string", "maxLength": 1_100},  # a bucket, and the longest key that S3 takes
            "name": {"type": "string", "maxLength": 80},
        },
    },
    "title": "Regions",
    "description": 'Which region gets which data, such as [{"region": "US/PA", "data": "s3://bucket/regions/US/PA/2026-11-20/"}]; '
    "with a name for a region that does not exist yet.",
}
REMOVE_STALE = {
    "default": False,
    "type": "boolean",
    "title": "Remove stale objects",
    "description": "Also remove what the new data does not have. The backup keeps it.",
}
REQUESTS_PER_SECOND = {
    "default": 0,
    "type": ["null", "integer"],
    "minimum": 0,
    "maximum": 10_000,
    "title": "Requests to S3 a second",
    "description": "At most so many requests to S3 for copies, for the sake of others who read there; 0: as many as S3 takes.",
}

MODULES = {
    "default": [],
    "type": ["null", "array"],
    "maxItems": 50,
    "items": {"type": "string", "maxLength": 500, "pattern": f"^module\\.[A-Za-z0-9_.-]+{END}"},
    "title": "Modules",
    "description": "Only these, such as module.front_door, with what depends on them; left out, the whole environment.",
}
DATABASES = choice(
    ("restore", "empty", "seed"),
    "restore",
    title="Databases",
    description="restore: from the snapshot that is made first. empty: as the code makes them; the snapshot stays. seed: the same, and "
    "then the target's seed command runs once.",
)
OBJECTS = choice(
    ("return", "archive"),
    "return",
    title="Objects of buckets",
    description="return: copied back from the archive. archive: only kept there.",
)
SECRETS = choice(
    ("keep", "renew"),
    "keep",
    title="Secrets",
    description="keep: restored with their values. renew: deleted for good, and people enter the values anew in AWS.",
)

OPTIONAL: Mapping[str, Mapping[str, Any]] = {
    "commit": COMMIT_OR_NONE,
    "version": VERSION_OR_NONE,
    "bump": BUMP,
    "repository": REPOSITORY,
    "to": TO_RELEASE,
    "command": COMMAND,
    "words": COMMAND_IN_FULL,
    "cpu": CPU,
    "memory": MEMORY,
    "requests_per_second": REQUESTS_PER_SECOND,
    "modules": MODULES,
    "databases": DATABASES,
    "objects": OBJECTS,
    "secrets": SECRETS,
}
