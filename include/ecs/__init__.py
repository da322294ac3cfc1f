"""Knowledge of Amazon ECS that several runbooks share."""
