"""What the soaks share."""
