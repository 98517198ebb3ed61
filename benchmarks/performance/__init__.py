"""Time and memory: ``python -m benchmarks.performance --scenes FOLDER`` prints targets, costs and findings."""
