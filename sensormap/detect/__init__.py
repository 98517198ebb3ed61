"""Scores of many frames in; candidates and lines out, and the photosites that the second pass follows.

Read `tally` (exact sums over frames), `outlier_lists` and `votes` (outlying scores that repeat within a block of
frames), `nulls` (centre and spread of healthy photosites), `candidates`, `runs` (of candidates along a column or row),
`line_walks` and `lines` (columns and rows that deviate as a whole), `line_sites` (where they are followed),
`worth_following` (what the second pass follows), `follow_list` (its values in a frame). A new detector is a module here
that returns places from a tally.
"""
