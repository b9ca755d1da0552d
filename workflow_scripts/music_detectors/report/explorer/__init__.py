"""The page with every unit of every network: what it answers, and sounds to hear."""
