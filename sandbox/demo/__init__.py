"""A rehearsal of one run at a terminal: start, plan, approval, steps, summary."""
