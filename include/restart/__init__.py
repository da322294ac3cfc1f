"""Renewing the tasks of services without ever being short of a healthy one."""
