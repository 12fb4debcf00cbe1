"""Where the time of a video goes, stage by stage, and the floor that each stage stands against.

Files: timing (repeats), machine (matmul rate, memory, versions), flops (counting), stages (one video), rendering (clips to
measure), alone (a fresh process), scaling (length and size), throughput (many videos), document (all of it as JSON).
Nothing in `video`, `model` or `harness` knows that it is measured: their functions are called from here.
"""
