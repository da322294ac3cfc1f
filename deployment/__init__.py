"""What an installation on several machines needs beside Airflow: secrets, users, health checks, retention, and a drain."""
