"""Plans by price decomposition: exact per item-site, coupled by prices, with a proven bound."""
