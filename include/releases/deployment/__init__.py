"""Deployment of another task definition to services, and its rollback."""
