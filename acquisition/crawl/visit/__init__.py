"""One visit of one address: rules, politeness, transport and record."""
