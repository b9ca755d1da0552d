"""Files, tables, random seeds, progress and messages, for every stage."""
