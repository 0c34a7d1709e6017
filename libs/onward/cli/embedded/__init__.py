"""`onward up`: real servers from wheels, the four services and workers, as children under one data directory."""
