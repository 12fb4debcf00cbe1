"""Clips with known distortions: scenes, distortions, codecs, opinions of them, facts and language about them, recipes."""
