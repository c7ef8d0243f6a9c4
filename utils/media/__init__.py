"""Media files as streams of frames and of audio."""
