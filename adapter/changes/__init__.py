"""Plan changes: quoted, ordered, carried out, settled."""
