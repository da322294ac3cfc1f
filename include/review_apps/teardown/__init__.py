"""review_app_teardown: everything of a review app, taken away, and proved to be gone."""
