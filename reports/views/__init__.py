"""The report pages: one base view, one short class for each page."""
