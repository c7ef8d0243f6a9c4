"""Settings: flags, YAML keys, their defaults and checks."""
