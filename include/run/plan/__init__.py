"""Plans: the ordered changes of a run, as data that can be digested, shown and compared."""

from include.run.plan.model import Change, Plan, Skip

__all__ = ["Change", "Plan", "Skip"]
