"""A checkpoint as a folder for others, and on the hub: known files only, and a card with figures from results of lmms-eval.

Files: files (what is published, and the copy), figures (results of this very checkpoint to metrics with intervals), card
(README.md with what the hub reads), hub (the upload).
"""
