"""How the severity model is trained, validated and compiled to tables."""
