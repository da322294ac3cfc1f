"""review_app_deployment and review_app_teardown: the environment of one pull request, made, kept fresh and taken away."""
