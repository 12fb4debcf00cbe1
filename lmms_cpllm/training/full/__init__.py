"""Training at full size: published towers and decoder, a recipe in YAML, one or many processes.

Files: recipe (what a YAML file says), reading (YAML to recipe, with errors), building (towers to a model, parts that
learn, LoRA), simulation and plan (what a stage costs, without weights), data/ (sources, guard, mixing), losses, sharding,
checkpoints, validation, loop (one stage), running (all stages), export; preparing (what is decoded once, into a cache).
"""
