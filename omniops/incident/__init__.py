"""Pure: what an incident is, how bad, and what is due."""
