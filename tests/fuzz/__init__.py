"""Damaged files for every reader: a few in each run of the tests, as many as time allows by `make fuzz`."""
