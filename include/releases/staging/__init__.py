"""Deployments to staging, which attest images."""
