"""One process, one device: from a video to its stored features."""
