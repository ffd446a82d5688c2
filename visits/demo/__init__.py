"""A year of traffic of a site that does not exist, for a look at every report."""
