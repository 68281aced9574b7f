"""Pure: (graph, events so far, now) -> what happens next. No I/O, no clock of its own."""
