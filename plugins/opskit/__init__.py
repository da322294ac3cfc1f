"""The toolkit that turns decisions about AWS into Airflow tasks: clients, approval, lease, steps, waits."""
