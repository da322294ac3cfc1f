"""Text from people and services, made fit to be shown."""

import unicodedata


def one_line(text: str) -> str:
    """Return text on one line, without the control and direction marks that can hide or reorder what is shown."""
    return "".join(mark for mark in " ".join(text.split()) if unicodedata.category(mark) not in ("Cc", "Cf"))
