"""infrastructure_recreation: destroy an environment or some of its modules, and build it again with its data."""
