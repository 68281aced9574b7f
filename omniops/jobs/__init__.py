"""Scripts that outlive omniops: the contract, the supervisor, and the proof of which host this is."""
