"""Features of models that the library transformers keeps: of clips, of frames, of sound."""
