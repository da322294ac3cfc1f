"""What speed and memory cost, measured on demand; never a test."""
