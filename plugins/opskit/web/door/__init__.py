"""The front door: the endpoints by which CI, agents and GitHub start runbooks and follow them."""
