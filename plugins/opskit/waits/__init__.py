"""Waits for a state of AWS: operators, the trigger, and the shared poller."""
