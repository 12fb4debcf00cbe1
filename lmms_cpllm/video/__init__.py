"""A video file or image -> its two views, in one decoding pass (PyAV); or every frame of a piece of it.

Files: decoding (the pass), demux (packets and their real times), reading (run through or jump), stills (images that only
Pillow reads), colour (planes to RGB, rotation), hdr (to SDR), views (frames to the two views), pieces (all frames of the
middle), limits (time and frames), isolated and worker (the pass in a process of its own). Which frames and crops:
`sampling.py`.
"""

from lmms_cpllm.sampling import ViewPlan
from lmms_cpllm.video.decoding import STRATEGIES, decode, probe, views_from_frames
from lmms_cpllm.video.views import Clip, VideoInfo

__all__ = ["STRATEGIES", "Clip", "VideoInfo", "ViewPlan", "decode", "probe", "views_from_frames"]
