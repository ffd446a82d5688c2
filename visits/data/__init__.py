"""Lists that classify, each with its origin on its first line."""
