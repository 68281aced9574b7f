"""Data in, text out: pure renderers."""
