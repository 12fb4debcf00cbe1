"""Read the MATLAB files that releases come with: format 5 by scipy; cell arrays, char matrices, structs at any depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lmms_cpllm.errors import DataError
from lmms_cpllm.releases.base import Label, Labels


def read_mat(path: Path) -> dict[str, Any]:
    """The variables of a .mat file, structs as dicts.

    Raises:
        DataError: no MATLAB file, damaged, or of version 7.3, which is another format.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return loadmat(path, simplify_cells=True)
    except NotImplementedError as error:
        raise DataError(
            f"{path}: a MATLAB file of version 5 to 7 expected, found version 7.3 (HDF5). The official file is of version "
            "5: put it back, or save this one again in MATLAB with save(..., '-v7')."
        ) from error
    except (MatReadError, ValueError, TypeError, EOFError, OSError, IndexError, KeyError) as error:
        raise DataError(f"{path}: not a whole MATLAB file: {error}. Put the official file back.") from error


def find_field(variables: Mapping[str, Any], name: str) -> Any:
    """The variable or struct field of that name, at any depth and in any case; None where there is none."""
    for key, value in variables.items():
        if key.casefold() == name.casefold():
            return value
    for value in variables.values():
        if isinstance(value, Mapping) and (found := find_field(value, name)) is not None:
            return found
    return None


def field_names(variables: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Every variable and struct field, as `a.b`, for error texts."""
    names = []
    for key, value in variables.items():
        if not key.startswith("__"):
            names.append(prefix + key)
            names += field_names(value, f"{prefix}{key}.") if isinstance(value, Mapping) else []
    return names


def has_fields(path: Path, fields: Sequence[str]) -> bool:
    """Whether a .mat file can be read and has all of the fields."""
    try:
        variables = read_mat(path)
    except DataError:
        return False
    return all(find_field(variables, name) is not None for name in fields)


def read_mat_labels(path: Path, names: str, scores: str, name=str) -> Labels:
    """Labels from two fields of a .mat file that hold one value for each video.

    Args:
        path: the file.
        names: field of the videos' names, a cell array or a char matrix of n rows.
        scores: field of the MOS, (n,), (n, 1) or (1, n).
        name: from a name in the file to what `videos` calls the same video.

    Raises:
        DataError: a field is missing, or their lengths differ.
    """
    import numpy as np

    variables = read_mat(path)
    found = {field: find_field(variables, field) for field in (names, scores)}
    if any(value is None for value in found.values()):
        raise DataError(
            f"{path}: fields {names}, {scores} expected, found {', '.join(field_names(variables)) or 'none'}. "
            "Put the official file back."
        )
    texts = [str(text).strip() for text in np.atleast_1d(np.asarray(found[names], dtype=object)).ravel()]
    values = np.atleast_1d(np.asarray(found[scores])).ravel()
    if len(texts) != len(values) or values.dtype.kind not in "fiu":
        raise DataError(
            f"{path}: one number in {scores} for each of the {len(texts)} {names} expected, found {len(values)} of type "
            f"{values.dtype}. Put the official file back."
        )
    labels, faults = [], []
    for index, (text, value) in enumerate(zip(texts, values.tolist(), strict=True), start=1):
        where = f"entry {index}"
        if not text:
            faults.append(f"{where}: no name in {names}")
        elif not np.isfinite(value):
            faults.append(f"{where}: MOS {value} of {text} is not a number")
        else:
            labels.append(Label(name(text), float(value), where))
    return Labels(path, tuple(labels), tuple(faults))
