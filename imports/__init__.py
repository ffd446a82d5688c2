"""Hits of the past, brought in from a file straight to the archive."""
