"""Log lines from the log stream to many readers; a program of its own, imported by nobody."""
