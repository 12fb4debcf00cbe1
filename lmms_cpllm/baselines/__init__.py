"""Classic measures of video quality that stand beside a model: VMAF, PSNR, SSIM, BRISQUE, NIQE and bits per pixel.

Files: fidelity (against a reference), naturalness (single frames), bitrate, measuring (many files, in processes), methods
(what is known of each measure), score_file (what `lmms-cpllm baseline` writes). Nothing here knows of releases.
"""
