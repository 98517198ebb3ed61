"""What JPEGs say of a photosite: series of values on an unknown tone curve in; out: its odds, its kind, its centre.

Read `likelihood` (laws in light, noise in values), `odds` (defect against health, and the limit that decoys set),
`kinds` (which law it follows), `smears` (of the pixels that one defect was spread over, the one that counts).
"""
