"""One small object for each way in which a message leaves."""
