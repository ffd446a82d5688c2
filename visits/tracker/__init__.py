"""The tracking script and its address."""
