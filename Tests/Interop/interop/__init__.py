"""A second implementation of Husk's formats, written from SPEC.md alone."""
