"""TV-L1 optical flow (Zach et al., DAGM 2007) as OpenCV computes it. It has no weights."""
