"""What tests share: made frames, series, maps and photos, and stand-ins of other programs."""
