"""Items, codes, units and sites: named and converted in this one place (ADR 2)."""
