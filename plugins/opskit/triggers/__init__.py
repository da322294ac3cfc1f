"""Triggers: what the triggerer looks at while a task waits."""
