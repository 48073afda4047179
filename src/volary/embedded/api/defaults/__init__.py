"""What the server fills in, gives out and leaves out."""
