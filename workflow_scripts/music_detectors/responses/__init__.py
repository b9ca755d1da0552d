"""What every unit of a network answers to every clip."""
