"""The figures, drawn from the tables; nothing is computed here but what a display needs."""
