"""The commands behind dev.py, standard library only; imported by dev.py and the tests about them."""
