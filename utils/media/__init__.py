"""What media files hold, as frames and as sound."""
