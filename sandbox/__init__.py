"""The pretend cloud and its neighbours; never imported by the product."""
