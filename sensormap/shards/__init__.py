"""Photos of one body in; shards of them, and sums of what was found in each, out.

Read `cut` (which photos make a shard), `summary` (what surveying one leaves behind), `add_up`.
"""
