"""A Plan, a Drift or a Report for people and machines."""
