"""What judges share."""
