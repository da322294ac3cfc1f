"""Faults that can be injected, and how each takes effect."""
