"""A connection to Airflow's database without loading Airflow, which would take seconds of processor time for each look."""

import os
from typing import Any

import psycopg

VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def connect() -> psycopg.Connection[tuple[Any, ...]]:
    """Connect to the database of SQLAlchemy's URL. Raises: psycopg.Error; SystemExit if there is no PostgreSQL."""
    scheme, _, rest = os.environ.get(VARIABLE, "").partition("://")
    if not scheme.startswith("postgresql"):
        raise SystemExit(f"{VARIABLE} has to be the URL of a PostgreSQL server.")
    return psycopg.connect(f"postgresql://{rest}", connect_timeout=5, autocommit=True)
