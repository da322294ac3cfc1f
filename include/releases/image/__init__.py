"""The image of a commit: built once, scanned, and attested."""
