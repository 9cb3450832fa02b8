"""Makes Azure equal to what the YAML in `environments/` declares."""
