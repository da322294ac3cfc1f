"""What the pretend AWS holds when it begins, built from the inventory."""
