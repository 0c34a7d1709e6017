"""Alert rules, the incidents they open, and what is sent to channels."""
