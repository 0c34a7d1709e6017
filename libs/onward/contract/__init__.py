"""The words all parts share, as pure data and decisions; imported by everybody, imports nobody."""
