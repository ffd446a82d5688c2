"""Faults and long runs against the real server, each runnable alone."""
