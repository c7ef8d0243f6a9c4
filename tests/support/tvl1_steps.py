"""The settings of the golden cases that show a part of TV-L1 alone."""

from models.tvl1.settings import SolverSettings

STEPS = {
    "step1": SolverSettings(scales=1, warps=1, rounds=1, steps=1, epsilon=0, median=False),
    "step30": SolverSettings(scales=1, warps=1, rounds=1, epsilon=0, median=False),
    "median": SolverSettings(scales=1, warps=1, rounds=2, epsilon=0),
    "stop": SolverSettings(scales=1, warps=1, median=False),
    "warps2": SolverSettings(scales=1, warps=2, rounds=1, epsilon=0, median=False),
    "scales2": SolverSettings(scales=2, warps=1, rounds=1, epsilon=0, median=False),
}
