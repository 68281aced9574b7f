"""One thin file per noun: parse, call one function, render, exit code."""
