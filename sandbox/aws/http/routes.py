"""Flask applications that are quick to make."""

from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Flask
from werkzeug.routing import Rule


class _Rule(Rule):
    """A route that compiles the code that builds its URL when somebody asks for the URL, which is most of its cost and rare."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = cache(super()._compile_builder)

        def build(rule: Rule, *values: Any, **named: Any) -> tuple[str, str]:
            return compiled(append_unknown)(rule, *values, **named)

        return build


class QuickFlask(Flask):
    url_rule_class = _Rule
