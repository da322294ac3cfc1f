"""The host name of the sandbox's Airflow."""

from sandbox.settings import HOST


def hostname() -> str:
    """Return an address that always leads back here; a laptop's own name may resolve slowly, elsewhere or not at all."""
    return HOST
