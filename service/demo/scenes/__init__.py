"""The scenes, a file per act: opening, growing, living, leaving."""
