"""What networks recognise, and how selective their units are, as training goes on."""
