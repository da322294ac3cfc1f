"""An AWS endpoint over HTTP: moto's server, with services, tasks, targets and instances that change over time."""
