"""The clean-up's lines in the one comment of a pull request: the last warning, or the answer to the last command."""

from __future__ import annotations

import re

BEGIN, END = "<!-- review-app-notice -->", "<!-- /review-app-notice -->"
LINES = re.compile(rf"\n*{re.escape(BEGIN)}.*?{re.escape(END)}\n*", re.DOTALL)


def with_notice(body: str, notice: str) -> str:
    """Return the text of the comment with these lines in place of the last ones. Everything else stays as it is."""
    rest = LINES.sub("\n", body).rstrip()
    return f"{rest}\n\n{BEGIN}\n{notice.strip()}\n{END}\n" if notice else f"{rest}\n"
