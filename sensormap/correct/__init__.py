"""Photos repaired at the defects of a map, each written back in its own format."""
