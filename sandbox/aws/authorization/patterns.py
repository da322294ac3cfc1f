"""The wildcards of IAM: * for any characters, ? for one."""

import re
from functools import lru_cache

PARTS = 5  # colons before an ARN's resource


@lru_cache(maxsize=10_000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Tell whether a text fits a pattern as a whole."""
    return _compiled(pattern).fullmatch(text) is not None


def matches_arn(pattern: str, arn: str) -> bool:
    """Tell whether an ARN fits a pattern. A wildcard does not reach beyond a colon, but in the last part, the resource."""
    if pattern == "*" or pattern == arn:
        return True
    wanted, given = pattern.split(":", PARTS), arn.split(":", PARTS)
    return len(wanted) == len(given) and all(map(matches, wanted, given))
