"""The files of a repository at one commit."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import requests
from github.Repository import Repository

from include.errors import PreconditionError
from include.external_services import explain, over_http
from include.github.errors import name_of, read

TIMEOUT = 30  # seconds without a byte
LARGEST = 500 * 1024 * 1024  # bytes, unpacked
BLOCK = 1024 * 1024


def download_files(repository: Repository, sha: str, folder: Path) -> None:
    """Write the files of a commit into an empty folder. Raises: PreconditionError, ServiceUnavailableError."""
    thing = f"files of commit {sha[:12]} of {name_of(repository)}"

    def get() -> None:
        address = repository.get_archive_link("tarball", sha)
        with (
            over_http("GitHub", thing),
            requests.get(address, stream=True, timeout=TIMEOUT) as answer,
            tempfile.TemporaryFile() as archive,
        ):
            if not answer.ok:
                raise explain("GitHub", thing, answer.status_code, answer.reason or "", answer.headers)
            for block in answer.iter_content(BLOCK):
                archive.write(block)
            archive.seek(0)
            _unpack(archive, folder, thing)

    read(thing, get)


def _unpack(archive: object, folder: Path, thing: str) -> None:
    """Unpack what stands below the archive's one top folder. Links that leave the folder, devices and absolute paths are refused."""
    with tarfile.open(fileobj=archive, mode="r:gz") as files:  # type: ignore[call-overload]
        members = []
        for member in files.getmembers():
            _, _, below = member.name.partition("/")
            if below:
                member.name = below
                members.append(member)
        if (size := sum(member.size for member in members)) > LARGEST:
            raise PreconditionError(
                f"The {thing} are {size:,} bytes, and {LARGEST:,} at most are unpacked; nothing was changed."
            )
        try:
            files.extractall(folder, members, filter="data")
        except tarfile.FilterError as error:
            raise PreconditionError(f"The {thing} cannot be unpacked safely: {error}; nothing was changed.") from error
