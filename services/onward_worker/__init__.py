"""The stock worker: the engine with the shipped tasks; a program of its own, imported by nobody."""
