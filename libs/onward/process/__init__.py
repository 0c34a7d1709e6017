"""One operating system process: settings, signals, loops, health; imported by bus, http and upward."""
