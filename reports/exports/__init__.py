"""Report pages as files: lists as CSV, a page as a zip of them, events as CSV or Parquet."""
