"""Parts of every run: plan, approval, lease, writer, journal, store and outcome."""
