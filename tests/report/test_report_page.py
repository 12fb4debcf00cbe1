"""The page as a file: whole, alone, small enough, and with no text of others that could be taken for markup."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from html.parser import HTMLParser

import pytest
from fake_reports import EVIL_NAME, EVIL_WORDS, TASKS, built, many_runs, three_models

from lmms_cpllm.errors import UserError
from lmms_cpllm.report import page
from lmms_cpllm.report.building import Options, build
from lmms_cpllm.report.packing import description_data, dumps, rounded

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
LARGEST_BYTES = 20_000_000


class Reader(HTMLParser):
    """Tags with their attributes, and the text of every script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.scripts: dict[str, str] = {}
        self.text = ""
        self._script = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._script = dict(attrs).get("id", "") if tag == "script" else None

    def handle_endtag(self, tag):
        self._script = None

    def handle_data(self, data):
        if self._script is None:
            self.text += data
        else:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> str:
    return page.render(built(three_models(tmp_path_factory.mktemp("results"))), "Title <b>", NOW)


@pytest.fixture(scope="module")
def read(html) -> Reader:
    return Reader(html)


def test_nothing_is_loaded(html, read):
    assert not [tag for tag, attributes in read.tags if tag == "link" or "src" in attributes]
    assert all(attributes["href"].startswith("#") for attributes in read.all("a"))
    policy = next(one["content"] for one in read.all("meta") if one.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline'; script-src 'sha256-" in policy


def test_markup_in_answers_and_names_is_text(html, read):
    assert len(read.all("script")) == 3 + len([name for name in read.scripts if name.startswith("data-")]) - 1
    assert not read.all("img")
    assert "window.evil" not in html.replace("\\u003cscript\\u003ewindow.evil", "").replace(
        "&gt;window.evil", ""
    ).replace("\\u003ewindow.evil", "").replace('onerror=\\"window.evil=1\\"', "").replace(
        "onerror=&#34;window.evil=1&#34;", ""
    )
    assert "<b>" not in html.split("<script")[0]
    words = json.loads(read.scripts[f"data-words-{TASKS.index('vqa_mini_describe')}"])
    assert words["texts"] == [EVIL_WORDS]
    scores = json.loads(read.scripts["data-scores-0"])
    assert EVIL_NAME in scores["names"]
    assert EVIL_WORDS.split("\n")[0] in read.text, "the example of a failure"


def test_a_table_has_a_caption_and_scopes(read):
    tags = [tag for tag, _ in read.tags]
    assert tags.count("table") == tags.count("caption") > 10
    assert all(attributes.get("scope") in ("col", "row") for attributes in read.all("th"))
    assert read.all("html")[0]["lang"] == "en"
    labelled = {attributes["for"] for attributes in read.all("label") if "for" in attributes}
    assert {attributes["id"] for attributes in read.all("select")} == labelled
    plots = [attributes for attributes in read.all("div") if "data-plot" in attributes]
    assert plots
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in plots)
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {attributes["href"][1:] for attributes in read.all("a")}
    assert links <= set(ids)


def test_what_the_page_says(read):
    text = re.sub(r"\s+", " ", read.text)
    for said in (
        "Title <b>",
        "4 models, 4 tasks",
        "not complete, so no comparison counts it: run with --limit 20",
        "Runs that are left out: 1",
        "95.0 % answered",
        "lmms-eval --model cpllm --tasks vqa_konvid,",
        "ab12cd34",
        "3 of 60",
    ):
        assert said in text, said
    for verdict in ("better", "worse"):
        assert any(attributes.get("class") == verdict for attributes in read.all("td"))


def test_the_data_are_those_of_the_results(read):
    scores = json.loads(read.scripts["data-scores-0"])
    assert len(scores["names"]) == len(scores["mos"]) == 60
    assert [run["model"] for run in scores["runs"]] == [0, 1, 2]
    assert sum(quality is None for quality in scores["runs"][1]["q"]) == 3
    assert scores["runs"][1]["fill"] == 50
    assert scores["runs"][0]["fit"]["kind"] == "logistic"
    ladders = json.loads(read.scripts["data-ladders-1"])
    assert ladders["families"] == ["blur", "h264"]
    climb = ladders["runs"][0]["families"]["blur"]["climbs"][0]
    assert (climb["content"], climb["x"], len(climb["y"])) == ("coffee", [0.5, 1, 2, 4], 5)


def test_json_in_a_script():
    text = dumps({"a": "</script><!-- \u2028 &", "b": "\ud800"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!-- \u2028 &", "b": "?"}
    assert [rounded(number) for number in (1.0, 61.8412345, 0.000123456, float("nan"), float("inf"), None)] == [
        1,
        61.841,
        0.00012346,
        None,
        None,
        None,
    ]


def test_descriptions_for_which_there_is_no_room_are_counted(tmp_path):
    (task,) = [one for one in built(three_models(tmp_path)).tasks if one.descriptions]
    place = {model: number for number, model in enumerate(dict.fromkeys(one.model for one in task.descriptions))}
    different = [
        type(one)(**{**one.__dict__, "text": f"{number} {'x' * 100}"}) for number, one in enumerate(task.descriptions)
    ]
    packed, taken = description_data(different, place, 1500)
    assert taken == len(packed["videos"]) == 3
    assert len(packed["rows"]) == 9
    assert description_data(task.descriptions, place, 2500)[1] == 12, "the same words cost once"


@pytest.mark.parametrize("module", ["jinja2", "plotly.offline"])
def test_without_the_extra(module, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(UserError) as error:
        page.check_packages()
    assert str(error.value).endswith("which is not installed: pip install 'lmms-cpllm[report]'")


def test_twenty_models_on_twelve_tasks_are_small_enough(monkeypatch):
    monkeypatch.setattr("lmms_cpllm.results.recompute._RESAMPLES", 20)  # the size does not depend on it
    found = many_runs(models=20, tasks=12, videos=1200)
    html = page.render(build(found, Options(open_videos=False)), "Large", NOW)
    size = len(html.encode("utf-8"))
    assert 5_000_000 < size < LARGEST_BYTES
    assert html.count('class="task"') == 12
