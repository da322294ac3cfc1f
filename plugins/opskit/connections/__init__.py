"""Clients made from Airflow connections."""
