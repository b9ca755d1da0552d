"""The page that says what was found, on what, and how."""
