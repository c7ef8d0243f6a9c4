"""Where videos come from: each source yields VideoRefs, no two with one output name."""
