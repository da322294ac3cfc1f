"""`make env` makes the secrets of an installation once, and nobody else may read them."""

import stat

import pytest

from deployment import env_file
from deployment.initialise import read_accounts


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("USERS", raising=False)
    return tmp_path


def values(folder):
    return dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines() if line and line[0] != "#")


def test_every_secret_is_made_and_differs_between_installations(folder):
    env_file.main()
    first = values(folder)
    (folder / ".env").unlink()
    env_file.main()
    second = values(folder)
    assert set(first) == set(env_file.MADE)
    assert [name for name in first if first[name] == second[name]] == []
    assert min(len(value) for value in first.values()) >= 44


def test_what_is_there_stays_and_what_is_missing_is_added(folder):
    (folder / ".env").write_text("# ours\nJWT_SECRET=known\nRUNBOOK_PORT=9090")
    env_file.main()
    text = (folder / ".env").read_text()
    assert text.startswith("# ours\nJWT_SECRET=known\nRUNBOOK_PORT=9090\n")
    assert set(values(folder)) == {*env_file.MADE, "RUNBOOK_PORT"}
    env_file.main()
    assert (folder / ".env").read_text() == text


def test_only_its_owner_may_read_it(folder, capsys):
    (folder / ".env").touch(mode=0o644)
    env_file.main()
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert [value for value in values(folder).values() if value in capsys.readouterr().out] == []


def test_users_are_the_ones_that_are_asked_for(folder, monkeypatch):
    monkeypatch.setenv("USERS", "ann:Admin bob:User")
    env_file.main()
    accounts = read_accounts(values(folder)["RUNBOOK_USERS"])
    assert [(account.name, account.role) for account in accounts] == [("ann", "Admin"), ("bob", "User")]
    assert accounts[0].password != accounts[1].password


@pytest.mark.parametrize(
    ("users", "said"),
    [
        (
            "ann:Admin bob",
            "USERS has 'bob', which is not name:Role with one of Admin, Op, User, Viewer; nothing was changed.",
        ),
        (
            "ann:Boss",
            "USERS has 'ann:Boss', which is not name:Role with one of Admin, Op, User, Viewer; nothing was changed.",
        ),
        ("bob:User", "USERS has no Admin, so nobody could manage users; nothing was changed."),
    ],
)
def test_users_that_could_not_be_made_are_refused_before_the_file_is_written(folder, monkeypatch, users, said):
    monkeypatch.setenv("USERS", users)
    with pytest.raises(SystemExit) as refused:
        env_file.main()
    assert str(refused.value) == said
    assert not (folder / ".env").exists()


def test_users_that_are_asked_for_too_late_are_refused_by_their_names_and_without_a_password(folder, monkeypatch):
    monkeypatch.setenv("USERS", "ann:Admin")
    env_file.main()
    before = (folder / ".env").read_text()
    env_file.main()  # the same ones are there
    monkeypatch.setenv("USERS", "ann:Admin bob:User")
    with pytest.raises(SystemExit) as refused:
        env_file.main()
    assert str(refused.value).startswith(
        ".env has users already (ann:Admin), so USERS was not used and nothing was changed."
    )
    assert values(folder)["RUNBOOK_USERS"].split(":")[2] not in str(refused.value)
    assert (folder / ".env").read_text() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ann:Admin:secret,bob:User", "Entry 2 of RUNBOOK_USERS is not name:Role:password"),
        (
            "ann:Admin:secret,bob:Root:secret",
            "RUNBOOK_USERS gives bob the role 'Root'; use one of Admin, Op, User, Viewer.",
        ),
        ("ann:Admin:secret,ann:User:other", "RUNBOOK_USERS names ann twice"),
        ("bob:User:secret", "RUNBOOK_USERS has no Admin"),
        ("", "RUNBOOK_USERS has no Admin"),
    ],
)
def test_users_that_cannot_be_made_are_refused_without_a_password_in_the_message(text, said):
    with pytest.raises(SystemExit) as refused:
        read_accounts(text)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
