"""Scripts for other programs in; the same where these programs look for them out.

Read `darktable` (where its script goes, and its installation). The scripts themselves lie beside the modules.
"""
