"""Region data: the request of a person, the regions in the database, and the cache keys that make maps reload."""
