"""Operators that ask people for approvals and decisions."""
