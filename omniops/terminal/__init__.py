"""Everything a person sees, and how a person answers. Decides nothing: it is given data and returns answers."""
