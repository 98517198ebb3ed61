"""A candidate's values in all frames in; out: is it a defect, of which kind, how strong, and since when.

Read `behaviour` (what may be wrong with a photosite), `series` (values beside their neighbours, and how often healthy
ones are odd), `likelihood` and `odds` (defect against health), `regression` and `law_choice` (strengths, and the law
that explains a series best), `onset` (onset and healing), `diagnosis` (all of it, for one candidate). `kinds` is for
candidates without a series, `jpeg_smears` for JPEGs, `scenery` for texture that passes for defects.
"""
