"""How much of each drug and piece of equipment each site will use, and how sure we are."""
