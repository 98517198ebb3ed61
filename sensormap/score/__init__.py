"""A frame in; its noise and its scores out, and whether it is a photo at all and shows a new scene.

Read `neighbours` (the median and the spread of the eight same-colour neighbours), `noise` (how much of a residual is
noise, by the fits of `class_fit`), `scores` (residual over noise), `compared_rows`, `sudden_steps` and `plausible`
(damage that decoded without an error), `filtered` (frames in which the camera lowered bright photosites), `slopes`,
`paired_outliers` and `same_scene` (frames that show one scene). By `medians` they, and the packages that follow, find
centres and spreads.
"""
