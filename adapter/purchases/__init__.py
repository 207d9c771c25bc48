"""One-off purchases of extra allowance: ordered, paid by invoice or at a page, granted once."""
