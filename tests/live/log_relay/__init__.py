"""Live tests of the log relay: replay and follow over a real nats-server."""
