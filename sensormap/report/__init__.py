"""Results in; tables for people out.

Read `table` (the summary of a map), `map_facts` (its parts), `entries` (defects as rows), `differences`, `corrections`,
`evaluation` (the tables of those commands).
"""
