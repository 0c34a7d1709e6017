"""Builders, servers and ledgers that tests share; imported by tests only."""
