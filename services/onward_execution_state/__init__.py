"""The projection of events into Postgres, and its queries; a program of its own, imported by nobody."""
