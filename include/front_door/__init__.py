"""Decisions of the front door, by which CI, agents and GitHub reach the runbooks: who calls, what they may start, and whether twice."""
