"""A map, and what its run knows beside it, in; one HTML page that needs nothing else out.

Read `document` (the page as a whole, and its policy), `writing` (the file), `verdict` (what a reader wants first),
`sensor_section` (the sensor, and what chooses the entries that it shows) with `sensor_picture`, `entry_cards` (the
strongest defects one by one) with their `charts` and `tiles`, `statistics` (scores, onsets, photos), `listing` (the
table, and what the script knows of each entry); `drawing` and `markup` make SVG and HTML, in which all text is escaped.
The script and the style lie beside them, `page.js` and `page.css`.
"""
