"""What is shown of a map: tables for people, coordinates for scripts; plain text and numbers only."""
