"""The log, the work queue and requests over NATS, and the only importer of nats; imported by tasks upward."""
