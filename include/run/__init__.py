"""What every run is made of: plan, approval, lease, writer, journal, store and outcome."""
