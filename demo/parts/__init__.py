"""What several programs of the gallery use."""
