"""What is counted of executions that have ended, and what can be asked of it."""
