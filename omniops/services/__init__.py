"""One small client per outside system."""
