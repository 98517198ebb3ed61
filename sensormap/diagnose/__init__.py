"""A candidate's values in all frames in; out: is it a defect, of which kind, how strong, and since when.

`defect_odds` decides what is a defect; `kind_and_strengths` decides which kind, how strong and since when.

Read `behaviour` (what may be wrong with a photosite), `series` (values beside their neighbours, and how often healthy
ones are odd), `likelihood`, `fixed_pattern` and `defect_odds` (defect against health), `regression` and `law_choice`
(strengths, and the law that explains a series best), `onset` (onset and healing), `kind_and_strengths` (all of it, for
one candidate), `line_series` (columns and rows, likewise).
`temperature` fits how dark currents follow the temperature.
`kinds_without_series` is for candidates without a series, `jpeg` for JPEGs, `scenery` for texture that passes for
defects.
"""
