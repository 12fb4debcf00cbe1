"""libvmaf on a video and its reference: its numbers of every frame, by the static ffmpeg of `imageio-ffmpeg`.

Only who makes labels or full-reference baselines needs this; nothing else runs another program.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lmms_cpllm.errors import UserError, VideoError

VMAF = "version=vmaf_v0.6.1"
"""The model of VMAF for a 1080p screen, in libvmaf's words."""


def ffmpeg_path() -> str:
    """The static ffmpeg of `imageio-ffmpeg`.

    Raises:
        UserError: the package is not installed.
    """
    try:
        import imageio_ffmpeg
    except ModuleNotFoundError as error:
        raise UserError(
            "libvmaf (VMAF, PSNR, SSIM) needs imageio-ffmpeg, whose ffmpeg has it: pip install imageio-ffmpeg"
        ) from error
    return imageio_ffmpeg.get_ffmpeg_exe()


def libvmaf(
    reference: Path, distorted: Path, features: Sequence[str] = (), model: str = VMAF
) -> list[dict[str, float]]:
    """libvmaf's numbers of every frame, frame n against frame n whatever the containers say of time.

    Args:
        reference: the clean video.
        distorted: a video of the same size.
        features: libvmaf's names of features beside those of the model, such as `psnr`.
        model: the model of VMAF, with its options.

    Returns:
        for each frame libvmaf's names to numbers; `vmaf` is one. Where one video is longer, the last frame of the other
        stands for those that it has not.

    Raises:
        VideoError: ffmpeg failed; the path is that of `distorted`.
        UserError: imageio-ffmpeg is missing.
    """
    more = ":feature=" + "|".join(f"name={feature}" for feature in features) if features else ""
    # Times are rewritten to frame numbers: frame n meets frame n.
    graph = "[0:v]setpts=N/TB/25[d];[1:v]setpts=N/TB/25[r];"
    graph += f"[d][r]libvmaf=model={model}{more}:log_fmt=json:log_path=vmaf.json:n_threads=1"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # The log is named without a folder because a path inside a filter graph would need escaping.
        command = [ffmpeg_path(), "-nostdin", "-v", "error", "-threads", "1", "-i", str(distorted.resolve())]
        command += ["-threads", "1", "-i", str(reference.resolve()), "-lavfi", graph, "-f", "null", "-"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if run.returncode:
            reason = f"ffmpeg's libvmaf failed with exit status {run.returncode}: {run.stderr.strip()}"
            raise VideoError(str(distorted), reason)
        log = json.loads((folder / "vmaf.json").read_text())
    return [frame["metrics"] for frame in log["frames"]]
