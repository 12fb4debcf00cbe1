"""Do the results of a run hold? Checks with their reasons, for people and for CI servers. No torch.

Files: thresholds (`srcc:0.85`, `plcc:2%`), selecting (which models and tasks), check (a question and its answer), presence
(is everything there), holding (what a run holds by itself), drops (against a baseline), judging (all of it, in order),
formats and junit (what is printed). shipped/ holds the baselines of this package.
"""
