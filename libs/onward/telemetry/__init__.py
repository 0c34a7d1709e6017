"""Traces, metrics, structured logs, and the only importer of OpenTelemetry; imported by all but contract."""
