"""The command line: arguments, messages, exit codes. One module a command, over a function of the library.

Read `main`, then the command; `options` are shared by several, `console` is what stderr shows, `render` prints tables.
"""
