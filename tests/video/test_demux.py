import dataclasses
import os
import socket

import av
import numpy as np
import pytest
from clips import flip_bytes, textured_frames, write_clip
from PIL import Image
from same_views import PLAN, assert_same, assert_same_every_way, numbers

from lmms_cpllm.errors import VideoError
from lmms_cpllm.video import decode, probe


@pytest.mark.parametrize(
    ("container", "share"),
    # FFmpeg's AVI reader finds one packet in a clip as small as this where more than a quarter of it is missing.
    [*((container, share) for container in ("mp4", "mkv", "ts") for share in (0.3, 0.5, 0.8, 0.95)), ("avi", 0.8)],
)
def test_truncated_file_gives_the_frames_it_holds(tmp_path, container, share):
    options = {"movflags": "faststart"} if container == "mp4" else {}
    path = write_clip(
        tmp_path / f"a.{container}",
        codec="mpeg4" if container == "avi" else "libx264",
        frames=100,
        width=128,
        height=96,
        content="texture",
        container_options=options,
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    clip = assert_same_every_way(path)
    assert 100 * share * 0.4 < clip.info.frames < 100
    assert clip.context_seconds[-1] < clip.info.duration_s < 3.3


def test_frames_that_never_come_are_planned_again(tmp_path):
    path = write_clip(tmp_path / "a.mkv", codec="mjpeg", pix_fmt="yuvj420p", frames=60)
    with av.open(str(path)) as container:
        packets = [(bytes(packet), packet.pos) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for content, _ in packets[30:]:  # the second half is no JPEG any more
        at = data.index(content)
        data[at : at + len(content)] = bytes(len(content))
    path.write_bytes(data)
    clip = assert_same_every_way(path)
    assert numbers(clip) == [2, 7, 12, 17, 22, 27]
    assert clip.info.frames == 30


def outcome_of(path, strategy, threads):
    try:
        return decode(path, PLAN, strategy=strategy, threads=threads)
    except VideoError as error:
        return error


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.ts", "libx264"),
        ("a.mkv", "libx265"),
        ("a.webm", "libvpx-vp9"),
        ("a.avi", "mpeg4"),
        ("a.jpg", ""),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_flipped_bytes_give_frames_or_a_video_error(tmp_path, name, codec, seed):
    path = tmp_path / name
    if codec:
        write_clip(path, codec=codec, frames=40, content="texture", gop=10)
    else:
        Image.fromarray(textured_frames(1, 48, 64)[0]).save(path)
    broken = flip_bytes(path, tmp_path / f"broken{path.suffix}", seed)
    outcomes = []
    for strategy, threads in (("linear", 1), ("linear", 4), ("linear", 4)):
        outcomes.append(outcome_of(broken, strategy, threads))
    for outcome in outcomes[1:]:
        if isinstance(outcome, VideoError):
            assert outcome.path == str(broken)
            assert outcome.reason == outcomes[0].reason
            continue
        assert dataclasses.asdict(outcome.info) == dataclasses.asdict(outcomes[0].info)
        np.testing.assert_array_equal(outcome.pixel_seconds, outcomes[0].pixel_seconds)
        if codec == "libx264":  # FFmpeg's other decoders leave memory as it was in what they could not decode
            assert_same(outcome, outcomes[0])


def refuse(path, reason):
    for read in (lambda: decode(path, PLAN), lambda: probe(path)):
        with pytest.raises(VideoError) as caught:
            read()
        assert caught.value.path == os.fspath(path)
        assert caught.value.reason == reason
        assert str(caught.value) == f"{path}: {reason}"


def test_errors_name_the_reason(tmp_path):
    refuse(str(tmp_path / "none.mp4"), "there is no such file")
    refuse(str(tmp_path), "this is a directory, not a video file")
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    refuse(empty, "the file is empty (0 bytes)")
    os.mkfifo(tmp_path / "fifo.mp4")
    refuse(tmp_path / "fifo.mp4", "this is not a regular file (a pipe, socket or device)")
    text = tmp_path / "text.mp4"
    text.write_text("this is not a video\n" * 100)
    refuse(text, "this is not a media file, or its header is missing or damaged")
    refuse(tmp_path / ("x" * 300), "cannot be read: File name too long")
    refuse("a\0b.mp4", "this is not a file name: embedded null byte")
    loop = tmp_path / "loop.mp4"
    loop.symlink_to(loop)
    refuse(loop, "cannot be read: Too many levels of symbolic links")


def test_text_and_lists_that_ffmpeg_would_play_are_refused(tmp_path):
    clip = write_clip(tmp_path / "a.ts")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{clip.name}\n#EXT-X-ENDLIST\n")
    refuse(playlist, "this is not a media file but text or a list (Apple HTTP Live Streaming)")
    listing = tmp_path / "list.txt"
    listing.write_text(f"ffconcat version 1.0\nfile {clip.name}\n")
    refuse(listing, "this is not a media file but text or a list (Virtual concatenation script)")
    art = tmp_path / "art.nfo"
    art.write_text("\x1b[31m some text \x1b[0m\n" * 50)
    refuse(art, "this is not a media file but text or a list (Tele-typewriter)")


def test_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s.mp4")
        refuse("s.mp4", "this is not a regular file (a pipe, socket or device)")


def test_header_alone_is_refused(tmp_path):
    path = write_clip(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:200])  # the index lies behind the pictures
    refuse(path, "this is not a media file, or its header is missing or damaged")


def test_audio_alone_and_cover_art_are_no_video(tmp_path):
    path = tmp_path / "tone.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refuse(path, "the file has no video stream (found: audio)")

    Image.new("RGB", (64, 64), "red").save(tmp_path / "cover.jpg")
    mp3 = tmp_path / "tone.mp3"
    write_mp3_with_cover(mp3, (tmp_path / "cover.jpg").read_bytes())
    refuse(mp3, "the file has no video stream (found: audio, cover art)")


def write_mp3_with_cover(path, jpeg: bytes) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mp3", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48000
        resampler = av.AudioResampler(stream.codec_context.format, "mono", 48000)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    if data[:3] == b"ID3":
        size = sum((byte & 127) << 7 * (3 - i) for i, byte in enumerate(data[6:10]))
        data = data[10 + size :]
    body = b"\0image/jpeg\0\3\0" + jpeg
    frame = b"APIC" + len(body).to_bytes(4, "big") + b"\0\0" + body
    size = bytes((len(frame) >> 7 * (3 - i)) & 127 for i in range(4))
    path.write_bytes(b"ID3\3\0\0" + size + frame + data)


def test_names_that_look_like_something_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_clip("plain.mp4")
    for name in ("http:a.mp4", "two words.mp4", "%03d.mp4", "-i.mp4", "ünïcode-视频.mp4", "n" * 246 + ".mp4"):
        os.replace(path, name)
        path = name
        assert probe(name).frames == 30
    unknown_bytes = os.fsdecode(b"\xff\xfe.mp4")
    os.replace(path, unknown_bytes)
    assert decode(unknown_bytes, PLAN).info.frames == 30


def test_arguments_are_checked(tmp_path):
    with pytest.raises(ValueError, match=r"^strategy: expected one of auto, linear, seek, found 'fast'$"):
        decode("a.mp4", PLAN, strategy="fast")
    with pytest.raises(ValueError, match=r"^threads: expected 0 \(the codec chooses\) or more, found -1$"):
        decode("a.mp4", PLAN, threads=-1)
