"""omniops: the incident tool of the OmniRoute on-call."""

# A literal: importlib.metadata costs more than the whole of `omniops --version` may.
__version__ = "0.1.0"
