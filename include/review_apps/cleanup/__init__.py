"""What the clean-up of review apps finds, decides and reports."""
