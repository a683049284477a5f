"""The project index: from source files to rows, and what rows may be asked."""
