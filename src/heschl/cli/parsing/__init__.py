"""What can be typed, command by command. Nothing heavy is imported here."""
