"""The documentation site: guides, and the reference of modules and roles, as pages that ask nobody for anything."""
