"""The figures, drawn from the tables; only what a display needs is computed here."""
