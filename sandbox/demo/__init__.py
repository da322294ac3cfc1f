"""One rehearsal from start to end at a terminal: start, plan, approval, steps, summary."""
