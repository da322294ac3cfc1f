"""The regions whose data is published when the world begins, and the bucket that holds it."""

from include.inventory import Target

REGIONS = ("US/AL", "US/CO", "US/GA", "US/IL", "US/MD", "US/MI", "US/NC", "US/OH", "US/PA", "US/TX", "US/VA", "US/WI")


HIDDEN = "US/DE"  # in region_config, and loaded, but nobody is offered it


PUBLISHED = "2020-09-09T19:50:10.921Z"


def bucket_of(target: Target) -> str:
    """Return the bucket whose data a target's services load."""
    data = target.environment.region_data
    return data.buckets[0] if data else f"{target.system.system}-{target.environment_name}-data"
