"""A map, and what people or later photos say of it, in; the map changed by that out.

Read `edits` (what people decided by hand, as a map keeps it), `edit_map` (edits applied), `kept_edits` (those of the
file that a new map replaces), `drop_unseen` (entries that photos no longer show).
"""
