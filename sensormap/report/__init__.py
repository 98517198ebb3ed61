"""Results in; tables and pages for people out.

Read `table` (a table, and its lines), `words` (values as short texts), `summary` (what a map is about), `entries` (its
defects, columns and rows), `library` (cameras and their photos), `differences`, `corrections`, `evaluation`, `history`
(the tables of those commands); `listing` (which entries of a map, in which order, as JSON and CSV), `thumbnail` (a map
as a few lines of block characters), `palette` (what each kind looks like); and the package `page` (a map as one HTML
page).
"""
