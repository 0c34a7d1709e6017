"""Schedules: looking at each of them, and submitting what their ticks start."""
