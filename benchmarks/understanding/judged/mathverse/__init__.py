"""MathVerse: a judge extracts the answer of a reply and compares it with the right one."""
