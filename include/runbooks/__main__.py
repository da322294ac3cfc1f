"""Write docs/runbooks.md."""

from include.runbooks.pages import DOCUMENT, document

DOCUMENT.write_text(document(), encoding="utf-8")
