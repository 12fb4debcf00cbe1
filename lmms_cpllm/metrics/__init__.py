"""Metrics of video quality assessment on plain lists and numpy arrays; no torch, no pandas.

Files: correlation (SRCC, KRCC, PLCC, RMSE, logistic fit), intervals (bootstrap), significance (Fisher's z), summary
(all metrics of a scoring task and the rule for unanswered items), pairs (which of two is better), ladder (scores at
rising distortion), levels (the level word), lexicon (which kinds of distortion a text names; its words are in synonyms,
what it denies is found by negation), naming (named kinds against known ones), strength (how strong a text says they
are, and whether that rises with the known strength), shares (means that know their number of items).
"""
