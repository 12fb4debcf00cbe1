from __future__ import annotations

import threading
import time

import pytest

from lmms_cpllm.errors import VideoError
from lmms_cpllm.harness.stream import LazyAnswers, batches, decode_ahead


class TestLazyAnswers:
    def test_computes_while_it_is_read_and_each_answer_once(self) -> None:
        made: list[int] = []

        def compute():
            for number in range(4):
                made.append(number)
                yield number * 10

        answers = LazyAnswers(4, compute())
        assert len(answers) == 4
        assert made == []
        reader = iter(answers)
        assert next(reader) == 0
        assert made == [0]
        assert answers[2] == 20
        assert made == [0, 1, 2]
        assert list(answers) == [0, 10, 20, 30]
        assert answers[-1] == 30
        assert answers[1:3] == [10, 20]
        assert made == [0, 1, 2, 3]

    def test_zip_with_the_requests_as_the_host_does_it(self) -> None:
        answers = LazyAnswers(2, iter("ab"))
        assert list(zip([7, 8], answers, strict=True)) == [(7, "a"), (8, "b")]

    def test_runs_the_generator_to_its_end_with_the_last_answer(self) -> None:
        closed: list[bool] = []

        def compute():
            yield "a"
            yield "b"
            closed.append(True)

        answers = LazyAnswers(2, compute())
        assert answers[0] == "a"
        assert closed == []
        assert answers[1] == "b"
        assert closed == [True]

    def test_an_error_inside_is_not_the_end(self) -> None:
        def compute():
            yield "a"
            raise IndexError("inside")

        with pytest.raises(IndexError, match="inside"):
            list(LazyAnswers(2, compute()))

    def test_index_beyond_the_end(self) -> None:
        with pytest.raises(IndexError, match="answer 2 of 2"):
            LazyAnswers(2, iter("ab"))[2]


class TestDecodeAhead:
    def test_keeps_the_order_when_later_items_are_ready_first(self) -> None:
        def decode(number: int) -> int:
            time.sleep(0.05 if number == 0 else 0)
            return -number

        assert list(decode_ahead(range(6), decode, workers=3, prefetch=4)) == [(n, -n) for n in range(6)]

    def test_never_runs_more_than_prefetch_items_ahead(self) -> None:
        started: list[int] = []
        stream = decode_ahead(range(100), lambda n: started.append(n), workers=2, prefetch=3)
        assert started == []
        for taken in range(1, 6):
            next(stream)
            time.sleep(0.02)
            assert len(started) <= taken + 2, "items waiting: 3 at most, the one taken included"
        stream.close()

    def test_decodes_ahead_while_the_reader_works(self) -> None:
        ahead = threading.Event()
        stream = decode_ahead(range(3), lambda n: ahead.set() if n == 2 else None, workers=1, prefetch=3)
        next(stream)
        assert ahead.wait(5), "item 2 is decoded while the reader has only taken item 0"
        stream.close()

    def test_a_video_error_is_a_result_and_others_are_raised_in_their_place(self) -> None:
        def decode(name: str) -> str:
            if name == "broken":
                raise VideoError(name, "no frames")
            if name == "bug":
                raise KeyError("bug")
            return name.upper()

        stream = decode_ahead(["a", "broken", "b", "bug", "c"], decode, workers=2, prefetch=5)
        assert next(stream) == ("a", "A")
        item, error = next(stream)
        assert item == "broken"
        assert isinstance(error, VideoError)
        assert error.reason == "no frames"
        assert next(stream) == ("b", "B")
        with pytest.raises(KeyError, match="bug"):
            next(stream)

    def test_a_reader_that_stops_early_leaves_no_thread(self) -> None:
        stream = decode_ahead(range(50), lambda n: time.sleep(0.01), workers=2, prefetch=20)
        next(stream)
        stream.close()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("cpllm-decode")]


class TestBatches:
    def test_neighbours_of_one_kind_up_to_the_size(self) -> None:
        assert list(batches("aaabbaa", str, 2)) == [["a", "a"], ["a"], ["b", "b"], ["a", "a"]]

    def test_a_full_batch_does_not_wait_for_the_next_item(self) -> None:
        def items():
            yield "a"
            raise AssertionError("asked for an item that was not needed")

        assert next(batches(items(), str, 1)) == ["a"]

    def test_nothing(self) -> None:
        assert list(batches("", str, 3)) == []
