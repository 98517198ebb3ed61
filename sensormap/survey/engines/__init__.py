"""Where shards are surveyed, if not by the threads of the run itself: on the workers of a Dask cluster.

Shards without a file go out; a worker surveys one and writes its file into the state folder; then the ordinary run goes
through all shards and finds each known. Read `shard_task` (what a worker does), `cluster` (the workers), `dask_engine`
(what the run does meanwhile), `culprits` (photos that kill workers), which has `try_photos` run in a process apart, and
`temporary_folder`, which removes what a killed run has left.
"""
