"""Made days for the replay, drawn from shipped tables, and plots of what came of them."""
