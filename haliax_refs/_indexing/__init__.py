"""Pure indexing algebra: views, selectors, layouts and plans. No ref, no array operation."""
