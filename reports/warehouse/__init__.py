"""Where reports read from: one interface, one engine so far."""
