"""One outside thing each: YAML files, Jinja, ARM, Azure ML, the ledger, git."""
