"""The decisions: pure functions and values. No I/O, no clock, no Azure, YAML or Jinja import."""
