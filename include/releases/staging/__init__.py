"""Deployments to staging, which attest an image."""
