"""What a step can name. `specs` is the pure table; every other module does I/O and is imported when it is needed."""
