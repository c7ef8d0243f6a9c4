"""What runs leave each other in an output folder."""
