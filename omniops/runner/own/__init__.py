"""Reads that only the runner can perform, because they need the journal: what is known of the page, the figures, the
deploys. Each is a function (walk, args) -> outputs; it may raise OmniopsError."""
