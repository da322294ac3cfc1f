"""The operations table: where leases, decisions, journals and records are kept, outside Airflow's own database."""
