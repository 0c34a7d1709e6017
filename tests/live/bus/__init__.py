"""Live tests of onward.bus: one for each rule of the log protocol that is about the server."""
