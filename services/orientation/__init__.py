"""How severe a call is, and which response and facility suit it."""
