"""What configuration and study files may say."""
