"""Performs what the engine asks for: walk, approve, reconcile, verify, undo, jobs."""
