"""IAM's part of a call: what the policies of the caller's role say to it."""
