"""The SQLite file of a catalogue: `schema` has its tables, and refuses what is not as we make it."""
