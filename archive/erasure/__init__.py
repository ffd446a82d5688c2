"""Erasing: noted first, then carried out in steps, each of which may be repeated."""
