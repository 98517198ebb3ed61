"""Maps, histories and photos in; pictures as the bytes of PNG, SVG and PDF files out.

Read `style` (one look for all of them), `of_map` (a picture of a map, by its name), then a picture: `sensor`, `scores`,
`timeline`, `growth`, `dark`; `series` draws what `values` has gathered from photos or a state folder, `on_photo` a
photo with its defects. matplotlib draws, without a display; it is an extra, and imported when needed.
"""
