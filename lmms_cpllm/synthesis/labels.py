"""The labels of rendered clips: VMAF against the clean scene, mapped to a quality of 0..100.

Only who makes a table needs this: it runs the static ffmpeg of `imageio-ffmpeg`, which has libvmaf.

Rule: quality = 100 * (VMAF - 20) / (97.43 - 20), clipped to 0..100. VMAF was trained so that 20 is "bad" and the top
of its scale "excellent" on the five-level ACR scale, linear in between (Netflix, "VMAF: The Journey Continues", 2018);
97.43 is what a clip gets against itself.

VMAF is model v0.6.1, luma, pooled by the mean over frames, at the clip's own size: the viewer of a 1080p screen at
three picture heights who sees the clip pixel by pixel. Its motion feature is held at zero. That feature says that
motion hides distortion; the eye follows a smooth camera move, which hides little, and with the feature on clearly
distorted clips of moving textures stood at VMAF's ceiling, indistinguishable from the clean clip.

Lost frames are compared with the frames that should be there, so a stutter costs what the displacement costs. That is
harsher than viewers are where the motion is slow, but rises with the share lost for every content.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from lmms_cpllm.errors import DataError, UserError

_WORST, _BEST = 20.0, 97.43
_MODEL = r"version=vmaf_v0.6.1\\:motion.motion_force_zero=true"


def quality_of_vmaf(vmaf: float) -> float:
    """Quality 0..100 of a VMAF 0..100, its motion feature held at zero."""
    return min(100.0, max(0.0, 100 * (vmaf - _WORST) / (_BEST - _WORST)))


def ffmpeg_path() -> str:
    """The static ffmpeg of `imageio-ffmpeg`.

    Raises:
        UserError: the package is not installed.
    """
    try:
        import imageio_ffmpeg
    except ModuleNotFoundError as error:
        raise UserError(
            "VMAF needs imageio-ffmpeg, whose ffmpeg has libvmaf: pip install 'lmms-cpllm[train]'"
        ) from error
    return imageio_ffmpeg.get_ffmpeg_exe()


def vmaf(reference: Path, distorted: Path, frames: int) -> float:
    """Mean VMAF of `distorted` against `reference`, frame n against frame n.

    Args:
        reference: the clean clip, lossless, of the same size.
        distorted: the clip.
        frames: how many frames both have.

    Raises:
        DataError: ffmpeg failed, or compared another number of frames.
    """
    # Times are rewritten to frame numbers: frame n meets frame n whatever the container says.
    graph = "[0:v]setpts=N/TB/25[d];[1:v]setpts=N/TB/25[r];"
    graph += f"[d][r]libvmaf=model={_MODEL}:log_fmt=json:log_path=vmaf.json:n_threads=1"
    with tempfile.TemporaryDirectory() as folder:
        # The log is named without a folder because a path inside a filter graph would need escaping.
        command = [ffmpeg_path(), "-nostdin", "-v", "error", "-i", str(distorted.resolve())]
        command += ["-i", str(reference.resolve()), "-lavfi", graph, "-f", "null", "-"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if run.returncode:
            raise DataError(
                f"{distorted}: ffmpeg's libvmaf failed with exit status {run.returncode}: {run.stderr.strip()}"
            )
        log = json.loads(Path(folder, "vmaf.json").read_text())
    if len(log["frames"]) != frames:
        raise DataError(f"{distorted}: VMAF compared {len(log['frames'])} frames, expected {frames}")
    return float(log["pooled_metrics"]["vmaf"]["mean"])
