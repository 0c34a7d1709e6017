"""The engine that claims and performs executions; imported by cli and the worker service."""
