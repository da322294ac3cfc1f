"""Excerpts from the log of a one-off task: its tail, its first error and a link to the rest, without secrets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from include.text import one_line

TAIL = 20  # lines to show
LONGEST_LINE = 300  # characters to show of one line
SECRETS = (
    (re.compile(r"(\w+://[^\s:/@]*):[^\s@]+@"), r"\1:***@"),  # postgres://user:password@host
    (
        re.compile(
            r"(?i)((?:password|passwd|pwd|secret|token|api_?key|access_?key)[\"']?\s*(?:=>|[=:])\s*[\"']?)[^\s\"',;]+"
        ),
        r"\1***",
    ),
)
# certain signs first: what rake, TypeORM, Django and databases print when they give up
SURE = re.compile(
    r"(?i)rake aborted!|^\s*(?:[\w.:]+)?(?:error|exception)\b\s*(?::|\()|\bfatal\b|traceback \(most recent|"
    r"\b(?:PG|Mysql2?|ActiveRecord)::\w+|QueryFailedError|error during migration|cannot allocate memory|npm ERR!|panic:"
)
LIKELY = re.compile(r"(?i)\b(?:error|failed|failure|exception|denied|aborted|killed)\b")
HARMLESS = re.compile(
    r"(?i)\b(?:0|no|without) (?:errors?|failures?|failed)\b|\b(?:errors?|failed|failures?)\s*[:=]\s*0\b"
)


@dataclass(frozen=True)
class Excerpt:
    """The part of a task's log that is shown."""

    first_error: str
    tail: tuple[str, ...]
    left_out: int  # lines from before the tail
    url: str

    @property
    def text(self) -> str:
        error = f"first error: {self.first_error}; " if self.first_error else ""
        return f"{error}{len(self.tail)} last lines of {self.left_out + len(self.tail)}, the whole log: {self.url}"


def read_log(lines: Sequence[str], url: str, tail: int = TAIL) -> Excerpt:
    """Choose which log lines of a task to show, oldest first."""
    clean = [shown for line in lines if (shown := _clean(line))]
    return Excerpt(first_error(clean), tuple(clean[-tail:]), max(0, len(clean) - tail), url)


def first_error(lines: Sequence[str]) -> str:
    """Return the first line that names the error, or "". A certain sign takes precedence over a likely one."""
    for pattern in (SURE, LIKELY):
        for line in lines:
            if pattern.search(line) and not HARMLESS.search(line):
                return line
    return ""


def stream_name(prefix: str, container: str, task: str) -> str:
    """Return the name of the stream that the awslogs driver writes for a container of a task. `task` is an ARN or id."""
    return f"{prefix}/{container}/{task.rsplit('/', 1)[-1]}"


def group_url(region: str, group: str) -> str:
    """Return the URL of a log group in the CloudWatch console."""
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{_escaped(group)}"


def log_url(region: str, group: str, stream: str) -> str:
    """Return the URL of a stream in the CloudWatch console."""
    return f"{group_url(region, group)}/log-events/{_escaped(stream)}"


def _escaped(part: str) -> str:
    """Return a part of the console's fragment: it is escaped twice, with $ for %."""
    return quote(quote(part, safe=""), safe="").replace("%", "$")


def _clean(line: str) -> str:
    text = one_line(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line))
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 3]}..."
