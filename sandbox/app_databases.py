"""The databases of review apps: what the pretend tasks make on the sandbox's PostgreSQL, and a role that may drop them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from include.inventory import Inventory, Target
from sandbox.databases import Databases


@dataclass(frozen=True)
class AppDatabases:
    """The databases of all review apps. Each role owns those of one template."""

    server: Databases

    def begin_anew(self, inventory: Inventory) -> None:
        """Have no database of an app, and every role."""
        for target in apps_of(inventory):
            role = role_of(target)
            with self.server.connect("postgres") as server:
                roles = {str(name) for (name,) in server.execute("SELECT rolname FROM pg_roles")}
                if role not in roles:
                    server.execute(_named("CREATE ROLE {}", role))
                password = self.server.password_of(role)
                server.execute(
                    sql.SQL("ALTER ROLE {} LOGIN CREATEDB PASSWORD {}").format(sql.Identifier(role), password)
                )
                for name in _owned(server, role):
                    server.execute(_named("DROP DATABASE {} WITH (FORCE)", name))

    def names(self, role: str) -> list[str]:
        """Return the databases that a role owns."""
        with self.server.connect("postgres") as server:
            return _owned(server, role)

    def prepare(self, role: str, name: str, table: str, *, seeds: bool) -> None:
        """Create a database that is not there, with its table, and fill that. One that is there is left as it is."""
        with self.server.connect("postgres") as server:
            if name in _owned(server, role):
                return
            server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(role)))
        with self.server.connect(name) as database:
            database.execute(_named("CREATE TABLE {} (email text)", table))
            database.execute(_named(f"ALTER TABLE {{}} OWNER TO {role}", table))
            if seeds:
                database.execute(_named("INSERT INTO {} VALUES ('reviewer@example.com')", table))

    def close(self, role: str) -> None:
        """Refuse every connection, as a stopped server does."""
        with self.server.connect("postgres") as server:
            server.execute(_named("ALTER ROLE {} NOLOGIN", role))

    def open(self, role: str) -> None:
        with self.server.connect("postgres") as server:
            server.execute(_named("ALTER ROLE {} LOGIN", role))

    def connection(self, target: Target) -> str:
        """Return the Airflow connection, as JSON, by which runbooks reach the server."""
        role = role_of(target)
        given = {"conn_type": "postgres", "host": self.server.host, "port": self.server.port, "login": role}
        return json.dumps({**given, "schema": "postgres", "password": self.server.password_of(role)})

    def connections(self, inventory: Inventory) -> dict[str, str]:
        """Return the Airflow connections to the servers of all templates, by the name of their variable."""
        return {
            f"AIRFLOW_CONN_{target.review_app.database.connection.upper()}": self.connection(target)
            for target in apps_of(inventory)
        }


def apps_of(inventory: Inventory) -> list[Target]:
    """Return a sample review app of each template."""
    return [target for target in inventory.samples(1) if target.environment.review_app]


def role_of(target: Target) -> str:
    """Return the role that owns the databases of a template's apps."""
    return f"{target.system.system}_{target.template}".replace("-", "_")


def _owned(server: psycopg.Connection[Any], role: str) -> list[str]:
    query = "SELECT datname FROM pg_database JOIN pg_roles ON datdba = pg_roles.oid WHERE rolname = %s ORDER BY datname"
    return [str(name) for (name,) in server.execute(query, [role])]


def _named(statement: str, name: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(name))  # each caller's is a literal
