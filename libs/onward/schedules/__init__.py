"""Schedules, decided purely: which ticks there are, what each of them does, and what is wrong with a schedule."""
