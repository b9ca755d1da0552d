"""Files, tables, random seeds, progress and messages, as every stage uses them."""
