"""Shipped for users: a real server for tests, the store contract, the runner of the conformance cases."""
