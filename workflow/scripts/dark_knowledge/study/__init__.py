"""What is compared: arms and their names in paths; checking of the configuration."""
