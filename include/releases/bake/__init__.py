"""The bake after a release: alarms and errors, compared with those before the release."""
