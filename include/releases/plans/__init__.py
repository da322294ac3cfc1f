"""What each release runbook will do, worked out from the world as it is, or the reason it will not."""
