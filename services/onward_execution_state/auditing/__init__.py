"""The audit: written from what happened, answered, and verified."""
