"""The package of an artefact: built from a commit, the same in every account, and completed by the account's own files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.errors import PreconditionError
from include.github.archive import download_files
from include.infrastructure.context import InfrastructureReadContext
from include.infrastructure.promotion.tool import Tool, ensure_tool, tool_environment
from include.infrastructure.variables import Variables, read_parameters
from include.inventory.promotion import FUNCTION, Artefact
from include.text import canonical_json

LAMBDA = "AWS::Lambda::Function"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every file that we add: a package is told by its content


@dataclass(frozen=True)
class Built:
    """A package on this worker. `digest` is of its content before the account's own files."""

    path: Path
    digest: str
    templates: Mapping[str, str]  # CloudFormation's, by function
    settings: Mapping[str, str]  # a hash of each value that the account adds, by name
    files: Mapping[str, bytes]  # the account's own

    @property
    def template_digests(self) -> dict[str, str]:
        return {name: digest_of(template) for name, template in self.templates.items()}

    def complete(self) -> bytes:
        """Add the account's files to the package and return it."""
        with zipfile.ZipFile(self.path, "a") as package:
            for name, content in sorted(self.files.items()):
                if name not in package.namelist():
                    package.writestr(zipfile.ZipInfo(name, EPOCH), content)
        return self.path.read_bytes()


def build_package(ctx: InfrastructureReadContext, artefact: Artefact, commit: str, folder: Path) -> Built:
    """Build the package of a commit and describe its functions, in a folder of this worker. Raises: PreconditionError."""
    ensure_tool(artefact, folder)
    names = [*artefact.parameters.values(), *artefact.files.values()]
    found = read_parameters(ctx.clients, names, ctx.target.name)
    files = {name: _decoded(place, found[place]) for name, place in artefact.files.items()}
    repository = folder / "artefact"
    repository.mkdir()
    download_files(ctx.infrastructure, commit, repository)
    code = repository / artefact.folder
    if not code.is_dir():
        raise PreconditionError(
            f"Commit {commit[:12]} has no folder {artefact.folder}, where the inventory has the configuration of {artefact.tool}; give "
            "another commit, or correct promotion.artefact.folder, nothing was changed."
        )
    for name, content in files.items():
        (code / name).touch(mode=0o600)
        (code / name).write_bytes(content)
    values = tool_environment(artefact, found, folder)
    tool = Tool(artefact, code, folder, values, [each for each in found.values() if each.strip()])
    if artefact.check:
        tool.run(artefact.check, "check")
    tool.run(artefact.build, "build")
    path = code / artefact.package
    templates = {name: _template(tool, name) for name in artefact.functions}
    settings = {**artefact.variables, **{name: found[place] for name, place in artefact.parameters.items()}}
    return Built(
        path,
        content_digest(path),
        templates,
        Variables({**settings, **{name: found[place] for name, place in artefact.files.items()}}).fingerprints(
            f"{ctx.target.name} {artefact.tool}"
        ),
        files,
    )


def content_digest(path: Path) -> str:
    """Return a SHA-256 over the names and contents of an archive: a new build of the same is equal. Raises: PreconditionError."""
    try:
        with zipfile.ZipFile(path) as package:
            found = {name: hashlib.sha256(package.read(name)).hexdigest() for name in sorted(package.namelist())}
    except (OSError, zipfile.BadZipFile) as error:
        raise PreconditionError(
            f"The build left no zip archive {path.name}; correct promotion.artefact.package in the inventory. Nothing was changed."
        ) from error
    return hashlib.sha256(canonical_json(found).encode()).hexdigest()


def digest_of(template: str) -> str:
    """Return the SHA-256 of a template's content, however it is laid out."""
    return hashlib.sha256(canonical_json(json.loads(template)).encode()).hexdigest()


def key_of(template: str, bucket: str, function: str) -> str:
    """Return where in the bucket a template has its package. Raises: PreconditionError if it is not exactly one place there."""
    found = json.loads(template).get("Resources", {})
    places = [each["Properties"]["Code"] for each in found.values() if each.get("Type") == LAMBDA]
    keys = {str(place.get("S3Key")) for place in places if place.get("S3Bucket") == bucket}
    if len(keys) != 1 or len(places) != sum(place.get("S3Bucket") == bucket for place in places):
        raise PreconditionError(
            f"The template of function {function} takes its package from {_places(places)}, and the inventory's bucket is {bucket}; "
            "correct promotion.artefact.bucket, or the bucket in the tool's configuration. Nothing was deployed."
        )
    return keys.pop()


def _places(places: list[Any]) -> str:
    return ", ".join(sorted({f"s3://{place.get('S3Bucket')}/{place.get('S3Key')}" for place in places})) or "nowhere"


def _template(tool: Tool, function: str) -> str:
    output = tool.run([word.replace(FUNCTION, function) for word in tool.artefact.describe], "describe")
    try:
        json.loads(output)
    except ValueError as error:
        raise PreconditionError(
            f"What {tool.artefact.tool} prints about function {function} is no JSON; correct promotion.artefact.describe in the "
            "inventory. Nothing was deployed."
        ) from error
    key_of(output, tool.artefact.bucket, function)
    return output


def _decoded(name: str, value: str) -> bytes:
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except binascii.Error as error:
        raise PreconditionError(
            f"Parameter {name} is a file of the package, and its value is not base64; put the file there in base64, then start again, "
            "nothing was changed."
        ) from error
