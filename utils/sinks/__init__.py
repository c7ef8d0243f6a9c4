"""Where features go: printed, written as files of one video, or merged into files of many."""
