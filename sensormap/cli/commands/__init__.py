"""One module a command, named like it: options and arguments in, one call of the library, what is printed out.

Read `map` first. The others are `show`, `coords`, `evaluate`, `variance`, `correct`, `export`, `import_` (`import` is a
word of Python's), `diff`, `merge`, `cameras` and `schema`. None of them needs another, but for the formats of `export`
and `import_`.
"""
