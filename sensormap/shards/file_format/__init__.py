"""The result of a shard in; the bytes of its file out, and back.

Read `reading_writing`, which `members` serves by taking a result apart into `facts` in JSON and `arrays`, and `archive`
by packing them.
"""
