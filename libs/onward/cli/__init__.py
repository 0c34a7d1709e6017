"""The command line, one file per noun; imported by nobody but its entry point and the services."""
