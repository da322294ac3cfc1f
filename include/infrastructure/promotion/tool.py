"""The tool that builds an artefact: found at exactly the version of the inventory, and run without this worker's secrets."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.errors import PreconditionError
from include.inventory.promotion import Artefact
from include.terraform import process
from include.terraform.command import PASSED_ON, environment
from include.text import one_line

VERSION = re.compile(r"\b\d+\.\d+\.\d+\b")
SAID = 400  # characters of what a tool said
HIDDEN = "(hidden)"


@dataclass(frozen=True)
class Tool:
    """A tool at work in a folder. `secrets` are never repeated from what it says."""

    artefact: Artefact
    folder: Path  # with the configuration
    runs: Path  # for the output of its processes
    environment: Mapping[str, str]
    secrets: Sequence[str]

    def run(self, argv: Sequence[str], what: str) -> str:
        """Run a command to its end and return its output. Raises: PreconditionError if it fails."""
        run = self.runs / f"{what}-{uuid.uuid4().hex[:8]}"
        ended = process.complete(argv, folder=self.folder, run=run, environment=self.environment)
        if ended.code != 0:
            said = self._shown(f"{ended.output} {ended.messages}")
            raise PreconditionError(
                f"'{' '.join(argv)}' ended with {ended.code}: {said or 'it said nothing'}; correct {self.artefact.folder} or the values "
                "that it gets, then start again. Nothing was deployed."
            )
        return ended.output

    def _shown(self, text: str) -> str:
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return one_line(text)[-SAID:]


def ensure_tool(artefact: Artefact, runs: Path) -> None:
    """Refuse a worker without the tool, or with another version of it. Raises: PreconditionError."""
    source = f" ({artefact.source})" if artefact.source else ""
    if shutil.which(artefact.ask_version[0]) is None:
        raise PreconditionError(
            f"This worker has no {artefact.tool} on its PATH; install version {artefact.version}{source} on the workers of the queue "
            "terraform, then start again. Nothing was changed."
        )
    run = runs / f"version-{uuid.uuid4().hex[:8]}"
    ended = process.complete(artefact.ask_version, folder=runs, run=run, environment=environment({}))
    found = VERSION.search(f"{ended.output} {ended.messages}")
    if ended.code != 0 or found is None:
        raise PreconditionError(
            f"'{' '.join(artefact.ask_version)}' does not tell a version (it ended with {ended.code}); install {artefact.tool} "
            f"{artefact.version} again{source}. Nothing was changed."
        )
    if found[0] != artefact.version:
        raise PreconditionError(
            f"{artefact.tool} on this worker has version {found[0]}, and the inventory asks for {artefact.version}; install that one"
            f"{source}, or change the inventory. Nothing was changed."
        )


def tool_environment(artefact: Artefact, found: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the environment of the tool: what it needs of the worker's, and the inventory's. It gets no access to AWS."""
    kept = {name: value for name, value in environment({}).items() if name in PASSED_ON and not name.startswith("TF_")}
    return {
        **kept,
        "HOME": str(home),
        **artefact.variables,
        **{name: found[place] for name, place in artefact.parameters.items()},
    }
