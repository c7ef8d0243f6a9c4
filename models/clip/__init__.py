"""CLIP: image embeddings of OpenAI's towers (arXiv:2103.00020) and of all that open_clip loads, frame by frame."""
