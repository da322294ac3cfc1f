"""Record a command at a terminal as a moving picture: `python -m tools.record_demo docs/images/demo.svg -- make demo YES=1 KEEP=0`.

The command runs in a pseudo-terminal. What it prints is drawn by rich, which the project has anyway: it needs only the few
control sequences that rich itself uses, so no terminal emulator has to be installed. Pauses are shortened, because nobody looks at a
picture for minutes. The passwords of the sandbox and the folder of this repository are replaced.
"""

from __future__ import annotations

import argparse
import codecs
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass, field
from fcntl import ioctl
from html import escape
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
COLUMNS, ROWS = 112, 30
AIM = 45.0  # seconds for all pauses together, besides the time to read
LONGEST_PAUSE = 1.6  # seconds; a wait of minutes is no picture
SHORTEST_PAUSE = 0.3  # seconds; what would be shown for less is left out
READING, MUCH = 4.0, 9  # seconds more for a frame with more new lines than that, such as a plan
LAST_FRAME = 8.0  # seconds, until the picture begins anew
Frame = tuple[float, tuple[str, ...]]  # seconds, and the lines to be seen
FONT, LINE, WIDTH = 14, 19, 8.43  # pixels: size, height of a line, width of a character
SEQUENCE = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+|\x1b")
UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]*|\][^\x07\x1b]*\x1b?)?$")  # a sequence whose rest is still to come
COLOURS = {
    "red": "#f07178",
    "green": "#a5d68b",
    "yellow": "#e6c07b",
    "blue": "#82aaff",
    "magenta": "#c792ea",
    "cyan": "#7fdbca",
}
ANSI = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
INK, PAPER, DIM = "#d6deeb", "#11161d", "#7c8a99"


@dataclass
class Screen:
    """The lines that a program has printed, each with its colours as it wrote them."""

    lines: list[str] = field(default_factory=lambda: [""])
    row: int = 0

    def write(self, text: str) -> None:
        """Take what a program prints: text, colours, new lines, and whole lines that are erased to be written again."""
        for part in SEQUENCE.findall(text):
            if part == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif part.startswith("\x1b[") and part.endswith("A"):
                self.row = max(0, self.row - int(part[2:-1] or 1))
            elif part in ("\x1b[2K", "\x1b[0K", "\x1b[K"):
                self.lines[self.row] = ""
            elif not part.startswith("\x1b") or part.endswith("m"):
                self.lines[self.row] += "" if part == "\r" else part

    def shown(self) -> tuple[str, ...]:
        """Return the last lines, as many as fit."""
        filled = self.lines[:-1] if self.lines[-1] == "" else self.lines
        return tuple(filled[-ROWS:])


def record(command: list[str]) -> list[Frame]:
    """Run a command in a terminal and return what was to be seen, each with the second since when. Raises: SystemExit."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    terminal = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS), "COLORTERM": ""}
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=os.environ | terminal)  # noqa: S603  # whoever calls us gave it
    os.close(theirs)
    screen, began = Screen(), time.monotonic()
    screen.write(f"$ {' '.join(command)}\n")
    frames: list[Frame] = [(0.0, screen.shown())]
    decoder, rest = codecs.getincrementaldecoder("utf-8")("replace"), ""
    while True:
        try:
            got = os.read(ours, 65536)
        except OSError:  # Linux says so when the last one at the other end is gone
            break
        if not got:
            break
        text = rest + decoder.decode(got)
        cut = found.start() if (found := UNFINISHED.search(text)) else len(text)
        screen.write(text[:cut])
        rest = text[cut:]
        frames.append((time.monotonic() - began, screen.shown()))
    if code := running.wait():
        raise SystemExit(
            "\n".join([*screen.shown(), f"{' '.join(command)} ended with {code}, so there is nothing to show."])
        )
    return frames


def without_secrets(line: str, secrets: dict[str, str]) -> str:
    """Replace what only concerns this machine by something of the same width, so that tables stay straight."""
    for secret, shown in secrets.items():
        for found in re.findall(re.escape(secret) + r"[^\s│]*", line):
            line = line.replace(found, found.replace(secret, shown).ljust(len(found)))
    return line


def paced(frames: list[Frame]) -> list[Frame]:
    """Return what is shown for how many seconds: faster than it was, but long enough to read where much is new."""
    ends = [since for since, _ in frames[1:]]
    pauses = [min(end - since, LONGEST_PAUSE) for (since, _), end in zip(frames, ends, strict=False)]
    faster = min(1.0, AIM / max(sum(pauses), 1.0))
    kept: list[Frame] = []
    for (_, lines), pause in zip(frames, pauses, strict=False):
        new = len(set(lines) - set(kept[-1][1])) if kept else 0
        shown = pause * faster + READING * (new > MUCH)
        if kept and (kept[-1][0] < SHORTEST_PAUSE or kept[-1][1] == lines):
            kept[-1] = (kept[-1][0] + shown, lines)
        else:
            kept.append((shown, lines))
    return [*kept, (LAST_FRAME, frames[-1][1])]


def draw(frames: list[Frame]) -> str:
    """Return an SVG that shows one frame after the other. Each different line is in it once."""
    numbers: dict[str, int] = {}
    total, at = sum(pause for pause, _ in frames), 0.0
    pictures, steps = [], []
    for index, (pause, lines) in enumerate(frames):
        used = [
            f'<use href="#l{numbers.setdefault(line, len(numbers))}" y="{row * LINE}"/>'
            for row, line in enumerate(lines)
            if line
        ]
        pictures.append(f'<g transform="translate({index * COLUMNS * WIDTH:.0f})">{"".join(used)}</g>')
        steps.append(f"{100 * at / total:.3f}%{{transform:translateX({-index * COLUMNS * WIDTH:.0f}px)}}")
        at += pause
    drawn = "".join(f'<g id="l{number}">{_line(line)}</g>' for line, number in numbers.items())
    width, height = COLUMNS * WIDTH + 24, ROWS * LINE + 24
    font = f"font:{FONT}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
    still = f"@media(prefers-reduced-motion:reduce){{#film{{animation-play-state:paused;animation-delay:-{total - 1:.1f}s}}}}"
    style = "".join(
        [
            f"text{{{font};white-space:pre;fill:{INK}}}.b{{font-weight:700}}.d{{fill:{DIM}}}",
            *(f".{name}{{fill:{colour}}}" for name, colour in COLOURS.items()),
            f"#film{{animation:film {total:.1f}s steps(1,end) infinite}}@keyframes film{{{''.join(steps)}}}{still}",
        ]
    )
    inner = f'width="{COLUMNS * WIDTH:.0f}" height="{ROWS * LINE}" viewBox="0 0 {COLUMNS * WIDTH:.0f} {ROWS * LINE}"'
    outer = f'viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {outer} role="img" aria-label="A recording of a terminal">',
            f"<style>{style}</style><defs>{drawn}</defs>",
            f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/><svg x="12" y="12" {inner}><g id="film">',
            *pictures,
            "</g></svg></svg>\n",
        ]
    )


def _line(line: str) -> str:
    """Draw one line with its colours."""
    console = Console(width=COLUMNS, color_system="standard", force_terminal=True)
    text = AnsiDecoder().decode_line(line)
    drawn, column = [], 0
    for words, style, _ in console.render(text, console.options.update(no_wrap=True, overflow="crop")):
        said = words.rstrip("\n")
        if said.strip():
            number = style.color.number if style and style.color else None
            names = [ANSI[number % 8]] if number is not None and ANSI[number % 8] in COLOURS else []
            names += ["b"] * bool(style and style.bold) + ["d"] * bool(style and style.dim)
            kind = f' class="{" ".join(names)}"' if names else ""
            drawn.append(
                f'<text x="{column * WIDTH:.1f}" y="{FONT}" textLength="{len(said) * WIDTH:.1f}"{kind}>{escape(said)}</text>'
            )
        column += len(said)
    return "".join(drawn)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.record_demo", description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    frames = record(options.command)
    secrets = {str(ROOT): "~/runbooks", **passwords()}
    options.picture.write_text(
        draw(paced([(at, tuple(without_secrets(line, secrets) for line in lines)) for at, lines in frames])),
        encoding="utf-8",
    )
    return 0


def passwords() -> dict[str, str]:
    """Return the passwords of the sandbox's users, each with what is shown for it."""
    file = ROOT / ".sandbox" / "passwords.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return dict.fromkeys(known.values(), "•" * 8)


if __name__ == "__main__":
    sys.exit(main())
