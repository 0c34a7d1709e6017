"""Loops of one shape that repair, retain and roll up; imported by execution_state's entry point only."""
