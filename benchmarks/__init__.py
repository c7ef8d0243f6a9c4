"""What this program's speed and memory are measured with; each module is a command."""
