"""Settings: `default` for `make run`, `development`, `testing` and `production` on top of it."""
