"""The pretend AWS and external services, with a real Airflow beside them; never imported by the product."""
