"""Database migrations: one command, run once."""
