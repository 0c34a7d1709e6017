"""Small durable consumers of events that act, then ack; imported by execution_state's entry point only."""
