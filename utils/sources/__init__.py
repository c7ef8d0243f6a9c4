"""Sources of videos: each yields VideoRefs, no two with the same output name."""
