"""The REST and WebSocket door of the platform; a program of its own, imported by nobody."""
