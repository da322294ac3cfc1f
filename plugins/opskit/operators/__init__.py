"""Operators that wait: for AWS, or for a person."""
