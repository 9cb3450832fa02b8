"""Bicep text -> ARM template -> resource bodies, for the flat subset that `templates/` uses."""
