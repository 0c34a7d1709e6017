"""Tasks that do real work; `python3 dev.py demo` runs them, and the tests run them too."""
