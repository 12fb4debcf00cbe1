"""Loads a CP-LLM from a folder or the hub, safetensors only, with errors that say what to do."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

import torch
from huggingface_hub import is_offline_mode, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig

from lmms_cpllm.errors import ArgumentError, CheckpointError
from lmms_cpllm.model.configuration_cpllm import CPLLMConfig
from lmms_cpllm.model.hub import find_file
from lmms_cpllm.model.modeling_cpllm import CPLLMForConditionalGeneration
from lmms_cpllm.model.processing_cpllm import CPLLMProcessor
from lmms_cpllm.model.scaling import quantisation

ADAPTER = "adapter"
"""Folder below a checkpoint's own for adapters that belong to it and were not merged."""
DTYPES = ("auto", "float32", "bfloat16", "float16")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_SHOWN = 8

logger = logging.getLogger(__name__)


def load(
    pretrained: str | Path,
    *,
    dtype: str = "auto",
    device: str | None = None,
    device_map: str | dict | None = None,
    attn_implementation: str | None = None,
    adapter: str | Path | None = None,
    quantization: str | None = None,
) -> tuple[CPLLMForConditionalGeneration, CPLLMProcessor]:
    """Loads model and processor for inference.

    Args:
        pretrained: folder or hub id.
        dtype: one of `DTYPES`; `auto` is float32 on a CPU (half precision would move scores by more than 1e-3) and the
            stored type elsewhere.
        device: `cpu`, `cuda`, `cuda:1`, ...; not together with `device_map`.
        device_map: as in `from_pretrained`, for models larger than one device.
        attn_implementation: `sdpa`, `eager`, `flash_attention_2`, ...
        adapter: folder or hub id of a PEFT adapter; if None that of `pretrained`, where it holds one.
        quantization: one of `scaling.QUANTISATIONS`, for the decoder; needs bitsandbytes and CUDA.

    Raises:
        ArgumentError: an argument is not allowed, or PEFT is missing.
        CheckpointError: there is no CP-LLM there, weights are missing or damaged, or they are no safetensors.
    """
    if dtype not in DTYPES:
        raise ArgumentError(f"dtype: expected one of {', '.join(DTYPES)}, found {dtype!r}")
    if device is not None and device_map is not None:
        raise ArgumentError(f"device={device} and device_map={device_map}: give one of the two")
    pretrained = _at_home(pretrained)
    _check_folder(pretrained)
    weights_dtype = "float32" if dtype == "auto" and _is_on_cpu(device, device_map) else dtype
    try:
        config = AutoConfig.from_pretrained(pretrained)
        if not isinstance(config, CPLLMConfig):
            raise CheckpointError(f"{pretrained}: expected a checkpoint of type cpllm, found {config.model_type}")
        if adapter is None:
            adapter = _own_adapter(pretrained, config)
        options = _quantised(quantization, device, device_map, adapter) if quantization else {"device_map": device_map}
        model, report = CPLLMForConditionalGeneration.from_pretrained(
            pretrained,
            dtype=weights_dtype,
            attn_implementation=attn_implementation,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # so that they are named below
            **options,
        )
        _refuse_random_weights(pretrained, report["missing_keys"], report["mismatched_keys"])
        processor = CPLLMProcessor.from_pretrained(pretrained)
    except SafetensorError as error:
        raise _damaged(find_file(pretrained, "config.json").parent, error) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{pretrained}: cannot be loaded as a CP-LLM checkpoint: {error}") from error
    if adapter is not None:
        model = _with_adapter(model, adapter)
    if device is not None and not quantization:
        model = model.to(device)
    return model.eval(), processor


def _at_home(source: str | Path) -> str | Path:
    """A folder named with `~` as the path that it is; anything else as it is, for it may be a hub id."""
    folder = Path(source).expanduser()
    return folder if folder.is_dir() else source


def _own_adapter(pretrained: str | Path, config: CPLLMConfig) -> Path | None:
    """The folder of the adapter that belongs to a checkpoint, fetched from the hub where it is there; None without one.

    Raises:
        CheckpointError: whether there is one cannot be known, for there is no network.
    """
    commit = getattr(config, "_commit_hash", None)
    try:
        found = find_file(pretrained, f"{ADAPTER}/adapter_config.json", commit)
    except LocalEntryNotFoundError as error:
        if not is_offline_mode():
            raise CheckpointError(
                f"{pretrained}: expected to learn whether an adapter belongs to it, and could not: {error}\n"
                "  what to do: try again with a network, or take what is in the cache of the hub with HF_HUB_OFFLINE=1"
            ) from error
        # Who fetched the repository by other means has all of it, and so has the adapter if there is one.
        logger.warning(
            "%s: no adapter in the cache of the hub, and none is asked for offline; loaded without", pretrained
        )
        return None
    if found and not Path(pretrained).is_dir():
        _fetch(pretrained, f"{ADAPTER}/", commit)
    return found and found.parent


def _fetch(repo: str | Path, below: str = "", commit: str | None = None) -> Path:
    """A folder with an adapter of a hub repository. PEFT itself would take a pickle where there is nothing else."""
    return Path(
        snapshot_download(str(repo), revision=commit, allow_patterns=[f"{below}*.json", f"{below}*.safetensors"])
    )


def _refuse_random_weights(
    pretrained: str | Path, missing: Collection[str], mismatched: Collection[tuple[str, tuple, tuple]]
) -> None:
    """transformers fills weights that are not there, or have another shape, with random numbers and a warning."""
    faults = [f"{name} is missing" for name in sorted(missing)]
    faults += [
        f"{name} has the shape {list(found)}, {list(expected)} expected" for name, found, expected in sorted(mismatched)
    ]
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise CheckpointError(
            f"{pretrained}: expected all weights that config.json asks for, found {len(faults)} that are not there: "
            f"{'; '.join(faults[:_SHOWN])}{more}\n"
            "  what to do: copy the checkpoint again, all of its *.safetensors and the config.json that was saved with them"
        )


def _damaged(folder: Path, error: SafetensorError) -> CheckpointError:
    """An error with the name of the file, which that of safetensors has not."""
    found = next((path for path in sorted(folder.glob("*.safetensors")) if not _opens(path)), folder)
    return CheckpointError(
        f"{found}: expected whole weights as safetensors, found a damaged file: {error}\n"
        "  what to do: copy the file again; if it is a few lines of text, these stand for the weights, which "
        "`git lfs pull` fetches"
    )


def _opens(path: Path) -> bool:
    try:
        with safe_open(path, "pt"):
            return True
    except (SafetensorError, OSError):
        return False


def _is_on_cpu(device: str | None, device_map: str | dict | None) -> bool:
    """Whether all of a model will be on a CPU."""
    if device_map is None:
        return torch.device(device or "cpu").type == "cpu"
    if device_map in ("auto", "balanced", "balanced_low_0", "sequential"):
        return not torch.accelerator.is_available()
    places = device_map.values() if isinstance(device_map, dict) else [device_map]
    return all(str(place) == "cpu" for place in places)


def _quantised(quantization: str, device: str | None, device_map, adapter) -> dict:
    """Further arguments of `from_pretrained`."""
    if adapter is not None:
        raise ArgumentError(
            f"quantization={quantization}: merged weights expected, found the adapter {adapter}; export with "
            "merge_lora: true, or leave quantization out"
        )
    config = quantisation(quantization)
    # Weights of few bits are made on their device and stay there.
    return {"quantization_config": config, "device_map": device_map or {"": device or "cuda"}}


def _check_folder(pretrained: str | Path) -> None:
    """A path that does not exist would be taken for a hub id and end in a network error."""
    path = Path(pretrained).expanduser()
    looks_local = path.is_absolute() or str(pretrained).startswith((".", "~")) or str(pretrained).count("/") > 1
    if looks_local and not path.is_dir():
        raise CheckpointError(
            f"{pretrained}: expected a checkpoint folder, found {'a file' if path.exists() else 'nothing'}"
        )
    if path.is_dir() and not (path / "config.json").is_file():
        names = ", ".join(sorted(p.name for p in path.iterdir())[:8]) or "an empty folder"
        raise CheckpointError(f"{pretrained}: expected config.json and *.safetensors, found {names}")
    _refuse_pickles(path)


def _refuse_pickles(folder: Path) -> None:
    """A folder whose weights are pickles alone. Beside safetensors they are no harm: nothing opens them."""
    pickles = sorted(path.name for path in folder.glob("*") if path.suffix in _PICKLES)
    if pickles and not any(folder.glob("*.safetensors")):
        raise CheckpointError(
            f"{folder}: expected weights as *.safetensors, found {', '.join(pickles[:8])}\n"
            "  what to do: these are pickles, which can run any code when they are opened, so they are not; have who made "
            "them save the model again with save_pretrained, which writes safetensors"
        )


def _with_adapter(model: CPLLMForConditionalGeneration, adapter: str | Path) -> CPLLMForConditionalGeneration:
    try:
        from peft import PeftModel
    except ImportError as error:
        raise ArgumentError("adapter: PEFT is needed; install it with: pip install 'lmms-cpllm[train]'") from error
    try:
        adapter = _at_home(adapter)
        folder = Path(adapter) if Path(adapter).is_dir() else _fetch(adapter)
        _refuse_pickles(folder)
        return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except SafetensorError as error:
        raise _damaged(folder, error) from error
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder / 'adapter_config.json'}: expected the settings of a PEFT adapter, found others: "
            f"{type(error).__name__}: {error}\n  what to do: save the adapter again with save_pretrained of PEFT"
        ) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{adapter}: cannot be loaded as a PEFT adapter: {error}") from error
