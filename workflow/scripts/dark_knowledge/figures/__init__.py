"""A style, and one module a theme."""
