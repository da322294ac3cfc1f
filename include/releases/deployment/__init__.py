"""Services brought to another task definition, and back."""
