"""What exists in the pretend AWS, and how it is shown."""
