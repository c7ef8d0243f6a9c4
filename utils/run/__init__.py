"""The main process's books: what is to do, what came back, what is merged."""
