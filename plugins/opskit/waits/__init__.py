"""Waits for a state of AWS: operators, the trigger, and the poller they share."""
