"""`python -m featmill`: the same as `featmill`, and as `python main.py` in a checkout."""

from main import run

if __name__ == "__main__":
    run()
