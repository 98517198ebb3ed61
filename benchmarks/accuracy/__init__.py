"""How much is found, how much is false, and how near repairs are to the truth."""
