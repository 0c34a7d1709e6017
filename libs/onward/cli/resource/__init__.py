"""Long-lived resources on the command line: one entry of `kinds` for each kind gives all its verbs."""
