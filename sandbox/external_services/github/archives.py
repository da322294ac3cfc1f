"""Archives of a commit's files: the API redirects to a link that is valid for minutes, which gives a gzipped tar."""

import gzip
import io
import secrets
import tarfile
from dataclasses import dataclass

from flask import Blueprint, Response, redirect, request, url_for

from sandbox.external_services.github.infrastructure import files_of
from sandbox.external_services.github.model import Commit, GitHubError, Repository
from sandbox.external_services.github.requests import open_repository
from sandbox.external_services.github.state import GitHub

LINK_LASTS = 300.0  # real seconds, as GitHub documents it of private repositories


@dataclass(frozen=True)
class _Link:
    repository: Repository
    commit: Commit
    until: float


def make(github: GitHub) -> tuple[Blueprint, Blueprint]:
    """Return the part of the API that is about archives, and the server that the links lead to."""
    links: dict[str, _Link] = {}
    api, server = Blueprint("archives", __name__), Blueprint("codeload", __name__)

    @api.get("/repos/<owner>/<name>/tarball", defaults={"ref": "HEAD"})
    @api.get("/repos/<owner>/<name>/tarball/<path:ref>")
    def tarball(owner: str, name: str, ref: str) -> Response:
        with github.lock:
            repository = open_repository(github, owner, name)
            commit = repository.resolve(ref)
            if commit is None:
                raise GitHubError(404, "Not Found")
            now = github.real()
            for token in [token for token, link in links.items() if link.until <= now]:
                del links[token]
            token = secrets.token_hex(16)
            links[token] = _Link(repository, commit, now + LINK_LASTS)
        at = url_for("codeload.archive", owner=owner, name=name, ref=ref, token=token, _external=True)
        return redirect(at, 302)  # type: ignore[return-value]  # werkzeug's response, of which Flask's is a kind

    @server.get("/<owner>/<name>/legacy.tar.gz/<path:ref>")
    def archive(owner: str, name: str, ref: str) -> Response:
        link = links.get(request.args.get("token", ""))
        if (
            link is None
            or link.until <= github.real()
            or link.repository.full_name.lower() != f"{owner}/{name}".lower()
        ):
            return Response("404: Not Found", 404, mimetype="text/plain")
        with github.lock:
            files = files_of(link.repository, link.commit)
        folder = f"{link.repository.owner}-{link.repository.name}-{link.commit.sha[:7]}"
        answer = Response(_packed(folder, link.commit, files), mimetype="application/x-gzip")
        answer.headers["Content-Disposition"] = f"attachment; filename={folder}.tar.gz"
        return answer

    return api, server


def _packed(folder: str, commit: Commit, files: dict[str, bytes]) -> bytes:
    """Return a gzipped tar as `git archive` writes it: the commit's sha is in its comment, and all files are in one folder."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": commit.sha}) as tar:
        folders = {folder}
        for name in files:
            parts = name.split("/")[:-1]
            folders |= {"/".join([folder, *parts[: depth + 1]]) for depth in range(len(parts))}
        for each in sorted(folders):
            tar.addfile(_entry(each, commit, tarfile.DIRTYPE, 0o775))
        for name, content in sorted(files.items()):
            entry = _entry(f"{folder}/{name}", commit, tarfile.REGTYPE, 0o664)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _entry(name: str, commit: Commit, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, int(commit.at)
    entry.uname = entry.gname = "root"
    return entry
