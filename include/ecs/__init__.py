"""What several runbooks know about Amazon ECS."""
