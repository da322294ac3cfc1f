"""The Terraform code that the simulated GitHub serves, as archives of commits."""

import io
import tarfile
from dataclasses import replace

import httpx
import pytest

from include.inventory import load
from sandbox.external_services.credentials import github_token
from sandbox.external_services.github import infrastructure
from sandbox.external_services.github.archives import LINK_LASTS
from sandbox.external_services.github.state import GitHub, repositories_of
from sandbox.external_services.services import ExternalServices
from tests.support.external_services import serve

HOUSING = "example-housing/core-infrastructure"
MAPS = "example-maps/districtbuilder"


@pytest.fixture(scope="module")
def inventory():
    return load()


@pytest.fixture
def github(bare, inventory):
    return GitHub(inventory, bare.world)


@pytest.fixture
def api(github, bare, inventory):
    external_services = replace(ExternalServices.of(inventory, bare.world), github=github)
    with serve(bare.world, external_services) as http:
        yield f"{http.url}/github/api/v3"


def ask(api, path, repository=HOUSING, **more):
    token = github_token(repository.split("/")[0])
    return httpx.get(f"{api}/repos/{repository}{path}", headers={"Authorization": f"Bearer {token}"}, **more)


def unpack(answer):
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-gzip")
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        assert tar.pax_headers["comment"].isalnum()
        return {each.name: tar.extractfile(each).read().decode() for each in tar if each.isfile()}


def test_archive_of_a_commit_is_behind_a_redirect_and_in_one_folder(api):
    base = infrastructure.sha_of(HOUSING, "base")
    answer = ask(api, f"/tarball/{base}")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(api.removesuffix("/api/v3") + "/_codeload/")
    files = unpack(httpx.get(answer.headers["location"]))  # the link alone: clients keep the token from other servers
    folder = f"example-housing-core-infrastructure-{base[:7]}"
    assert {name.split("/")[0] for name in files} == {folder}
    assert "retention_in_days = 30\n" in files[f"{folder}/terraform/staging/logs.tf"]
    assert f"{folder}/terraform/staging/.terraform.lock.hcl" in files
    assert f"{folder}/terraform/modules/uploads/main.tf" in files


def test_archive_of_main_has_the_small_change_and_nothing_of_the_open_pull_requests(api):
    files = unpack(ask(api, "/tarball/main", follow_redirects=True))
    (logs,) = [content for name, content in files.items() if name.endswith("staging/logs.tf")]
    assert "retention_in_days = 90\n" in logs
    assert 'name  = "/core/staging/support-address"' in logs
    assert not [name for name, content in files.items() if "exports-to-collect" in content]
    assert files == unpack(ask(api, "/tarball", follow_redirects=True))
    assert files == unpack(ask(api, "/tarball/refs/heads/main", follow_redirects=True))


@pytest.mark.parametrize(
    ("branch", "layer", "file", "words"),
    [
        ("rename-the-topic", "replacement", "modules/exports/main.tf", "-exports-to-collect"),
        ("move-the-files", "removal", "modules/exports/main.tf", "-exports-by-month"),
        ("rename-the-uploads", "protected", "modules/uploads/main.tf", "-files-of-users"),
    ],
)
def test_each_pull_request_proposes_one_thing_on_top_of_main(api, branch, layer, file, words):
    sha = infrastructure.sha_of(HOUSING, layer)
    changes = ask(api, f"/compare/main...{branch}").json()
    assert [commit["sha"] for commit in changes["commits"]] == [sha]
    assert [each["filename"] for each in changes["files"]] == [f"terraform/{file}"]
    files = unpack(ask(api, f"/tarball/{sha[:10]}", follow_redirects=True))
    (changed,) = [content for name, content in files.items() if name.endswith(file)]
    assert words in changed
    assert "retention_in_days = 90\n" in "".join(files.values())


def test_links_are_temporary_and_of_one_repository(api, github):
    link = ask(api, "/tarball/main").headers["location"]
    assert httpx.get(link).status_code == 200
    assert httpx.get(link.replace("core-infrastructure", "core")).status_code == 404
    assert httpx.get(link.split("?")[0]).status_code == 404
    now = github.real()
    github.real = lambda: now + LINK_LASTS + 1
    assert httpx.get(link).status_code == 404


def test_unknown_commit_repository_and_token_are_not_found_as_everywhere(api):
    assert ask(api, "/tarball/0000000").status_code == 404
    assert ask(api, "/tarball/0000000").json()["message"] == "Not Found"
    assert ask(api, "/tarball/main", "example-housing/nothing").status_code == 404
    assert httpx.get(f"{api}/repos/{HOUSING}/tarball/main").status_code == 404


def test_every_folder_of_the_inventory_is_in_the_archive_of_main(inventory, github):
    for target in inventory.targets.values():
        if wanted := target.environment.terraform:
            repository = github.repositories[wanted.repository.lower()]
            files = infrastructure.files_of(repository, repository.resolve("main"))
            folder = "" if wanted.folder == "." else f"{wanted.folder}/"
            assert f"{folder}versions.tf" in files, target.name
            assert f"{folder}.terraform.lock.hcl" in files, target.name
    assert {name for name in repositories_of(inventory) if infrastructure.has_code(name)} >= {HOUSING, MAPS}


def test_code_beside_an_application_is_in_all_its_commits(github):
    repository = github.repositories[MAPS]
    history = repository.history(repository.branches["main"])
    assert [commit.sha for commit in history[-1:]] == [infrastructure.sha_of(MAPS, "base")]
    assert infrastructure.sha_of(MAPS, "change") in {commit.sha for commit in history[:-3]}
    assert len(history) == 66
    assert github.repositories["example-housing/core"].branches.keys() == {"main", "labels-for-logs", "try-new-cache"}
