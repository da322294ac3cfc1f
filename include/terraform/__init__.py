"""Terraform and OpenTofu: what they print, what they keep, and what it means to people."""
