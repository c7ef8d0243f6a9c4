"""The numbers of TV-L1; the defaults are those of OpenCV's DualTVL1OpticalFlow."""

from dataclasses import dataclass

TAU, LAMBDA, THETA = 0.25, 0.15, 0.3  # time step, weight of the images, tightness
FLAT = 1.1920929e-07  # squared gradient below which OpenCV leaves the flow to its neighbours
MEDIAN_SIDE = 5  # pixels


@dataclass(frozen=True)
class SolverSettings:
    """How long TV-L1 iterates.

    scales: levels of the pyramid. warps: per level. rounds: per warp; each starts with a median filter of the flow.
    steps: per round. epsilon: a warp ends once the root mean square change of the flow is at most so many pixels.
    """

    scales: int = 5
    warps: int = 5
    rounds: int = 10
    steps: int = 30
    epsilon: float = 0.01
    median: bool = True
