"""darktable's script in a real darktable, in a virtual display; ``make test-darktable`` asks for it."""
