"""Full-size measurements, run by hand; results are recorded in docs/."""
