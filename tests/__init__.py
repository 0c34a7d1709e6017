"""The tests, by kind; imported by nobody but themselves."""
