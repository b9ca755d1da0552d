"""How well the networks recognise each class."""
