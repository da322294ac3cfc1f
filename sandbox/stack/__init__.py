"""The processes of a sandbox: PostgreSQL, Airflow and the pretend cloud, started, watched and ended."""
