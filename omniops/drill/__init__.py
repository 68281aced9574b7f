"""A simulated OmniRoute with faults, scenarios and stand-in scripts, for drills and for omniops' own tests."""
