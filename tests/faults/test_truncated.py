"""Files cut off at every tenth: the frames that are left, or a reason; never more of them from less of a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_table import CODECS, REASONS, whole
from same_views import PLAN

from lmms_cpllm.errors import VideoError
from lmms_cpllm.video import decode

_MAKERS = {kind: whole(kind) for kind in CODECS}
_MAKERS["mp4 with its index in front"] = whole("mp4 h264", container_options={"movflags": "faststart"})
_INDEX_AT_THE_END = ("mp4 h264", "mp4 av1")


@pytest.mark.parametrize("kind", _MAKERS)
def test_frames_that_are_left_or_a_reason(kind: str, tmp_path: Path) -> None:
    path = _MAKERS[kind](tmp_path)
    data, frames, reasons = path.read_bytes(), [], set()
    for tenth in range(1, 11):
        path.write_bytes(data[: len(data) * tenth // 10])
        try:
            clip = decode(path, PLAN)
        except VideoError as error:
            reasons.add(error.reason)
            frames.append(0)
        else:
            assert 1 <= clip.info.frames <= 12
            assert clip.info.fps < 200
            frames.append(clip.info.frames)
    assert reasons <= set(REASONS)
    assert frames == sorted(frames)
    assert frames[-1] == 12
    assert frames[0] == 0
    if kind in _INDEX_AT_THE_END:
        assert frames[-2] == 0, "nothing says where the pictures are"
    else:
        assert frames[-2] > 0
