"""The condition operators of IAM that policies here use, as the IAM User Guide defines them.

A key that a request does not have fails a condition, but for a negated operator and one with ...IfExists. An operator or a key that is
not known is refused when a policy is read, since a condition that is ignored grants too much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.aws.authorization.patterns import matches, matches_arn

Context = Mapping[str, tuple[str, ...]]  # a condition key in lower case: its values in the request

IF_EXISTS = "IfExists"
NEGATED = ("StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike")
KEYS = ("aws:resourceaccount", "ecs:cluster", "ecs:createaction", "iam:passedtoservice")  # what requests.py gives


def _equals(pattern: str, value: str) -> bool:
    return pattern == value


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _equals,
    "StringNotEquals": _equals,
    "StringEqualsIgnoreCase": lambda pattern, value: pattern.lower() == value.lower(),
    "StringLike": matches,
    "StringNotLike": matches,
    "ArnEquals": matches_arn,
    "ArnLike": matches_arn,
    "ArnNotEquals": matches_arn,
    "ArnNotLike": matches_arn,
}


def refuse_unknown(operator: str, key: str) -> None:
    """Raises: ValueError for an operator or a key that is not known."""
    if operator.removesuffix(IF_EXISTS) not in OPERATORS:
        raise ValueError(f"The sandbox does not know the condition operator {operator}.")
    if key.lower() not in KEYS:
        raise ValueError(f"The sandbox does not know the condition key {key}.")


def holds(operator: str, key: str, wanted: tuple[str, ...], context: Context) -> bool:
    """Tell whether a condition holds: one of the wanted values fits, or for a negated operator none does."""
    plain, given = operator.removesuffix(IF_EXISTS), context.get(key.lower(), ())
    negated = plain in NEGATED
    if not given:
        return negated or operator.endswith(IF_EXISTS)
    fits = any(OPERATORS[plain](pattern, value) for pattern in wanted for value in given)
    return fits is not negated
