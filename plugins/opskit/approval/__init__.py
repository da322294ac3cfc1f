"""Operators that ask people."""
