"""What the tests share: golden data, clips, servers, and the program run as a user runs it."""
