"""`lmms-cpllm report`: one page, and tables for papers, from any number of results of lmms-eval. No torch.

Files: gather (which runs stand in the report, and what they are called), resampling (their bootstraps), leaderboard and
significance (models against models), scores (one task that asks for a score), breakdown (error by MOS, size, length,
codec), videos (files, probes, thumbnails), ladders, descriptions (what was said, and what was not), runs (how they were
made), building (all of it in order), packing (data of the page), page (HTML), exports (Markdown, LaTeX, CSV).
"""
