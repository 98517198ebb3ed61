"""The command line: arguments, messages and exit codes; everything else lies below."""
