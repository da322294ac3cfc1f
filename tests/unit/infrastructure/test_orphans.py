"""What the lines of a killed apply say about what it has made."""

from include.infrastructure.orphans import read_journal


def line(kind, address, action, found=""):
    return {"kind": f"apply_{kind}", "address": address, "action": action, **({"id_value": found} if found else {})}


def test_what_was_made_and_what_was_only_begun_are_told_apart():
    found = read_journal(
        [
            line("start", "a", "create"),
            line("start", "b", "create"),
            line("start", "c", "create"),
            line("complete", "b", "create", "id-b"),
            line("errored", "c", "create"),  # it may be there all the same, and no state tells
            line("start", "d", "update", "id-d"),
        ]
    )
    assert (dict(found.made), found.open) == ({"b": "id-b"}, ("a", "c"))


def test_replacement_that_makes_the_new_one_first_leaves_the_new_one():
    found = read_journal(
        [
            line("start", "a", "create"),
            line("complete", "a", "create", "new"),
            line("start", "a", "delete", "old"),
            line("complete", "a", "delete"),
        ]
    )
    assert (dict(found.made), found.open) == ({"a": "new"}, ())


def test_what_was_made_and_deleted_again_is_gone():
    found = read_journal(
        [
            line("start", "a", "create"),
            line("complete", "a", "create", "one"),
            line("start", "a", "delete", "one"),
            line("complete", "a", "delete"),
        ]
    )
    assert (dict(found.made), found.open) == ({}, ())
