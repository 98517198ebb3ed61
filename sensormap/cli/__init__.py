"""The command line: arguments in; calls of the library, messages and exit codes out.

Read `main` first, then a command in `commands`. `options` are shared by several of them, `console` says
what stderr shows, `progress` how far a run is, `config` holds the user's defaults, `render` prints tables; `streams`
has standard output, standard error and signals.
"""
