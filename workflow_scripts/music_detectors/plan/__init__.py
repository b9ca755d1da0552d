"""What will be judged, written down before anything is trained, and whether a run kept to it."""
