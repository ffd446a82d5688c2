"""The project package: settings, addresses, server."""
