"""Engines that solve what the rules of sharing ask: a min-cost flow, and CP-SAT as its witness."""
