"""JPEGs repaired in place: only the blocks around defects are coded anew, all other bits stay.

Read `jpeg` (the whole), `smears` (what a defect leaves in a JPEG, and its repair), `transform` (pixels to coefficients
and back), `coefficients` (coded blocks, read and replaced), `check` (what a corrected file must hold and decode to),
`tables` (quantisation and Huffman tables), `previews` (the list of further images).
"""
