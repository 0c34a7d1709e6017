"""What the author of a task imports; imported by worker, client, testing and upward."""
