"""The load test of a release."""
