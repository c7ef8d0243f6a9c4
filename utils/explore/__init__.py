"""Views of saved features, and searches in them."""
