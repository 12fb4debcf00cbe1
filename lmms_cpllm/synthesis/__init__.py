"""Clips with known distortions, made from still photographs: scenes, distortions, codecs, labels, recipes."""
