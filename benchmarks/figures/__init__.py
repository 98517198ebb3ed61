"""The pictures of the documentation: by the commands that users call, of photos that are made here."""
