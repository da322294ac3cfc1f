"""review_app_deployment: one commit of a pull request, with its infrastructure and its database."""
