"""MathVista: a judge extracts the answer of a reply; rules check it."""
