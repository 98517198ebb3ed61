"""The command line: arguments, messages, exit codes. One module a command, over a function of the library.

Read `main` first, then a command: `map`, `show`, `correct`, `export`, `compare`, `evaluate`, `cameras`, `schema`.
`options` are shared by several of them, `console` says what stderr shows, `render` prints tables.
"""
