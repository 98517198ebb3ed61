"""One module for each program's list: how it is written and read."""
