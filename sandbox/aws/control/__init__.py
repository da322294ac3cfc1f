"""The HTTP API by which people and tests look at the pretend AWS and break it."""
