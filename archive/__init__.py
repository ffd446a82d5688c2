"""Finished visits in columns: immutable files, listed in the database, read in process."""
