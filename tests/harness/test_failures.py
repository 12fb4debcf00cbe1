"""The list of videos that could not be read."""

import csv

from loguru import logger

from lmms_cpllm.harness.failures import FailureList


def test_every_video_once_with_its_reason(tmp_path):
    path = tmp_path / "new" / "failures.csv"
    failures = FailureList(str(path))
    for video in ("a.mp4", "b, c.mp4", "a.mp4"):
        failures.add(video, "it is empty")
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [["video", "reason"], ["a.mp4", "it is empty"], ["b, c.mp4", "it is empty"]]


def test_a_list_that_cannot_be_written_any_more_does_not_end_the_run(tmp_path):
    told = []
    sink = logger.add(lambda message: told.append(message.record["message"]), level="WARNING")
    path = tmp_path / "failures.csv"
    failures = FailureList(str(path))
    path.unlink()
    failures.add("a.mp4", "it is empty")
    failures.add("b.mp4", "it is empty")
    logger.remove(sink)
    assert told == [f"failures={path}: cannot be written any more (No such file or directory); it ends here"]
