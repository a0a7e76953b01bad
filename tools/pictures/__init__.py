"""The pictures of pages in the README and the guides: ``make pictures``."""
