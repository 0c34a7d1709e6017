"""Long-lived resources over REST: one entry of `table.KINDS` for each kind gives all its routes."""
