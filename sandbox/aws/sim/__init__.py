"""What moves with time: tasks, deployments, builds, instances."""
