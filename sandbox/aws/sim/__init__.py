"""What changes over time: tasks, deployments, builds, instances."""
