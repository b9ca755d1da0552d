"""What a front end is, and how it is found by the settings of an input."""
