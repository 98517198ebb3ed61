"""JPEGs repaired in place: only the blocks around defects are coded anew, all other bits stay.

Read `jpeg` (the whole), `smears` (what a defect leaves in a JPEG, and its repair), `coefficients` (coded blocks,
read and replaced), `tables` (quantisation and Huffman tables), `previews` (the list of further images).
"""
