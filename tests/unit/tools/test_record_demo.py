"""The moving picture of a demo: what of a terminal's output is drawn, for how long, and what is left out of it."""

import re
import sys
from pathlib import Path

from tools import record_demo
from tools.record_demo import Screen, draw, paced, without_secrets

ROOT = Path(__file__).resolve().parents[3]


def test_line_that_a_program_writes_again_replaces_the_one_before():
    screen = Screen()
    screen.write("$ make demo\r\n\x1b[32m✓\x1b[0m plan\r\n▸ one\r\n  two")
    assert screen.shown() == ("$ make demo", "\x1b[32m✓\x1b[0m plan", "▸ one", "  two")
    screen.write("\r\x1b[2K\x1b[1A\x1b[2K\x1b[?25l▸ three\r\n")
    assert screen.shown() == ("$ make demo", "\x1b[32m✓\x1b[0m plan", "▸ three")
    screen.write("\x1b]8;id=1;http://localhost\x1b\\link\x1b]8;;\x1b\\\n")
    assert screen.shown()[-1] == "link"


def test_only_the_last_lines_are_seen():
    screen = Screen()
    screen.write("".join(f"{number}\n" for number in range(100)))
    assert screen.shown()[0] == "70"
    assert len(screen.shown()) == 30


def test_waits_are_shortened_and_a_plan_is_shown_long_enough_to_read():
    plan = tuple(f"line {number}" for number in range(12))
    shown = paced([(0.0, ("a",)), (300.0, ("b",)), (301.0, plan), (302.0, ("end",))])
    assert shown == [(1.6, ("a",)), (1.0, ("b",)), (5.0, plan), (8.0, ("end",))]


def test_secrets_and_folders_of_the_machine_are_replaced_in_place():
    secrets = {"/home/me/runbooks": "~/runbooks", "s3cretWord": "••••••••"}
    assert (
        without_secrets("│ Logs  /home/me/runbooks/.sandbox/logs   │", secrets)
        == "│ Logs  ~/runbooks/.sandbox/logs          │"
    )
    assert without_secrets("│ operator  s3cretWord  may │", secrets) == "│ operator  ••••••••    may │"


def test_picture_has_each_line_once_and_its_colours():
    picture = draw([(1.0, ("$ make demo",)), (2.0, ("$ make demo", "\x1b[1;32m✓\x1b[0m <plan> & more"))])
    assert picture.count("$ make demo") == 1
    assert 'class="green b">✓</text>' in picture
    assert "&lt;plan&gt; &amp; more" in picture
    assert "33.333%{transform:translateX(-944px)}" in picture
    assert "animation:film 3.0s steps(1,end) infinite" in picture


def test_command_is_recorded_as_it_prints(monkeypatch):
    frames = record_demo.record([sys.executable, "-c", "import sys; print('tty', sys.stdout.isatty())"])
    assert frames[-1][1][1:] == ("tty True",)


def test_picture_in_the_docs_is_of_a_demo_and_names_nothing_of_a_machine():
    picture = (ROOT / "docs" / "images" / "demo.svg").read_text(encoding="utf-8")
    words = " ".join(re.findall(r">([^<>]+)</text>", picture))
    assert "$ make demo" in words
    assert "The run succeeded." in words
    assert re.findall(r"(?<![\w.~])/(?:home|root|tmp|work|Users|var)/", words) == []
