"""Region data: what a person asks for, what the database says of the regions, and the keys that tell maps to reload."""
