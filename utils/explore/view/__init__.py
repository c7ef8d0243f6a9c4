"""A page that shows saved features: what is in an output folder, as JSON, over loopback or as a folder of files."""
