"""Task groups that runbooks share."""
