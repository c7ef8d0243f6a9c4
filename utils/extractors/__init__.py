"""What the models build on."""
