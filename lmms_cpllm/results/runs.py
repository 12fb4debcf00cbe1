"""One results file of lmms-eval (`<date>_results.json`): a run of one model on one or several tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmms_cpllm.results.provenance import Provenance, provenance_of

RESULTS_SUFFIX = "_results.json"
LIMITED, UNFINISHED = "limited", "unfinished"

# The host writes a function as `<function NAME at 0x...>`; ours are named after what computes them, `score_metric:srcc`.
_FUNCTION = re.compile(r"<function (\w+:\w+) at ")
_NO_FILTER = ",none"


class ResultsError(ValueError):
    """A file that lmms-eval should have written cannot be read as one. The text is the reason, without the file."""


@dataclass(frozen=True)
class Rows:
    """Which rows of a release were scored."""

    count: int
    fingerprint: str
    """Changes with a name, a MOS, the order or the size of a video file."""
    expected: str = ""
    """How many the release has, in words, if these are fewer; else empty."""
    recipe: str = ""
    """Of clips that the package renders: changes with a name, a MOS, the order or a setting, and not with the size of a
    file. Empty for others, and in results of before it was told."""

    @property
    def identity(self) -> str:
        """The recipe where there is one, else the fingerprint."""
        return self.recipe or self.fingerprint

    def is_same(self, other: Rows) -> bool:
        """Whether the same was scored: of clips that the package renders, other builds of encoders make no other data."""
        both = bool(self.recipe and other.recipe)
        ours, theirs = ((rows.recipe if both else rows.fingerprint) for rows in (self, other))
        return (self.count, ours, self.expected) == (other.count, theirs, other.expected)


@dataclass(frozen=True)
class TaskRun:
    """One model on one task, as a results file tells it."""

    model: str
    """The name in lmms-eval and its arguments, as they were given: this tells models apart."""
    task: str
    date: str
    """`YYYYMMDD_hhmmss`, in the time zone of the run."""
    source: Path
    """The results file, or the frozen baseline."""
    version: str
    """Of the task."""
    rows: Rows | None
    """None for a task that does not tell."""
    checkpoint: Mapping[str, Any] | None
    """What the model says of its weights, with a `fingerprint`; None for a model that says nothing."""
    metrics: Mapping[str, float]
    higher_is_better: Mapping[str, bool | None]
    """Metric to direction; None where neither side is better."""
    functions: Mapping[str, str]
    """Metric to what computes it (`recompute.value`), for the metrics of this package."""
    groups: tuple[str, ...] = ()
    """Groups that the task was run as a part of."""
    count: int = 0
    """Documents that were scored."""
    samples: Path | None = None
    """The sample log, if the run was asked for one."""
    fault: str = ""
    """Why the run is not complete, as far as the results file tells; empty if it is."""
    fault_kind: str = ""
    """`LIMITED` (as asked for), `UNFINISHED`, or empty."""
    items: Mapping[str, tuple[Mapping[str, Any], ...]] | None = None
    """Metric to one item a video, in the order of their names; None where there is no log, or it was not read yet."""
    provenance: Provenance | None = None
    """How the run was made; None for a frozen one."""


def read_file(path: Path) -> list[TaskRun]:
    """The tasks of one results file, without their items.

    Raises:
        ResultsError: this is no results file of lmms-eval, or only a part of one.
    """
    document = load_json(path)
    if not isinstance(document, dict):
        raise ResultsError("it holds no JSON object")
    for key in ("results", "configs", "config"):
        if not isinstance(document.get(key), dict):
            raise ResultsError(f"it has no {key!r}, which every results file of lmms-eval has")
    try:
        return [_task_run(path, document, task) for task in document["configs"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResultsError(f"it is not as lmms-eval writes it ({type(error).__name__}: {error})") from error


def load_json(path: Path) -> Any:
    """What a JSON file holds. Raises ResultsError."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"it cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ResultsError(f"it is not JSON, or ends too early: {error}") from error


def as_object(document: Any) -> dict[str, Any]:
    """The object at a place of a results file, {} where there is none."""
    return document if isinstance(document, dict) else {}


def _task_run(path: Path, document: dict, task: str) -> TaskRun:
    config = document["config"]
    metadata = as_object(as_object(document["configs"][task]).get("metadata"))
    metrics = _metrics(as_object(document["results"].get(task)))
    size = as_object(as_object(document.get("n-samples")).get(task))
    rows = _rows(metadata.get("rows"))
    kind, fault = _fault(document, metrics, size, rows)
    logged = as_object(config.get("resolved_cli_args")).get("log_samples")
    samples = path.with_name(f"{run_name(path)}_samples_{task}.jsonl")
    return TaskRun(
        model=f"{config.get('model')} {config.get('model_args') or ''}".strip(),
        task=task,
        date=str(document.get("date") or run_name(path)),
        source=path,
        version=str(as_object(document.get("versions")).get(task, "")),
        rows=rows,
        checkpoint=metadata.get("checkpoint"),
        metrics=metrics,
        higher_is_better=as_object(as_object(document.get("higher_is_better")).get(task)),
        functions=_functions(as_object(document["configs"][task]).get("metric_list") or ()),
        groups=_groups(as_object(document.get("group_subtasks")), task),
        count=int(size.get("effective") or 0),
        samples=samples if logged or samples.exists() else None,
        fault=fault,
        fault_kind=kind,
        provenance=provenance_of(document),
    )


def run_name(path: Path) -> str:
    """What the files of one run begin with: its date."""
    return path.name.removesuffix(RESULTS_SUFFIX)


def _fault(document: dict, metrics: dict, size: dict, rows: Rows | None) -> tuple[str, str]:
    config = document["config"]
    limit, offset = config.get("limit"), config.get("offset")
    if limit is not None and limit >= 0:  # the host takes -1 for "all"
        return LIMITED, f"run with --limit {limit:g}"
    if offset:
        return LIMITED, f"run with --offset {offset}"
    if size.get("effective") != size.get("original"):
        return LIMITED, f"{size.get('effective')} of {size.get('original')} documents were scored"
    if rows and rows.expected:
        return LIMITED, f"{rows.count} videos were there, the release has {rows.expected}"
    if as_object(document.get("usage")).get("budget_exceeded"):
        return UNFINISHED, "the run stopped when its --max_tokens were spent"
    if not metrics:
        return UNFINISHED, "the results file reports no metric of this task"
    return "", ""


def _metrics(reported: dict) -> dict[str, float]:
    return {
        name.removesuffix(_NO_FILTER): float(value)
        for name, value in reported.items()
        if name.endswith(_NO_FILTER) and "_stderr" not in name and isinstance(value, (int, float))
    }


def _functions(metric_list: list) -> dict[str, str]:
    named = {entry["metric"]: _FUNCTION.match(str(entry.get("aggregation"))) for entry in metric_list}
    return {metric: match[1] for metric, match in named.items() if match}


def _rows(told: Any) -> Rows | None:
    if not isinstance(told, dict) or not {"count", "fingerprint"} <= set(told):
        return None
    return Rows(told["count"], told["fingerprint"], told.get("expected", ""), told.get("recipe", ""))


def _groups(subtasks: dict, task: str) -> tuple[str, ...]:
    """Every group that holds the task, directly or through other groups."""
    direct = [group for group, members in subtasks.items() if task in (members or ())]
    return tuple(sorted({*direct, *(outer for group in direct for outer in _groups(subtasks, group))}))
