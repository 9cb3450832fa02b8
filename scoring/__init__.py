"""What runs in an endpoint: a FastAPI service around one forecaster. Imports nothing of the reconciler."""
