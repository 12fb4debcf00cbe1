"""Loads a CP-LLM from a folder or the hub, safetensors only, with errors that say what to do."""

from __future__ import annotations

from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from transformers import AutoConfig

from lmms_cpllm.errors import ArgumentError, CheckpointError
from lmms_cpllm.model.configuration_cpllm import CPLLMConfig
from lmms_cpllm.model.modeling_cpllm import CPLLMForConditionalGeneration
from lmms_cpllm.model.processing_cpllm import CPLLMProcessor
from lmms_cpllm.model.scaling import quantisation

ADAPTER = "adapter"
"""Folder below a checkpoint's own for adapters that belong to it and were not merged."""
DTYPES = ("auto", "float32", "bfloat16", "float16")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


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
        adapter: folder or hub id of a PEFT adapter; that of a folder that holds one if None.
        quantization: one of `scaling.QUANTISATIONS`, for the decoder; needs bitsandbytes and CUDA.

    Raises:
        ArgumentError: an argument is not allowed, or PEFT is missing.
        CheckpointError: there is no CP-LLM there, or it holds weights other than safetensors.
    """
    if dtype not in DTYPES:
        raise ArgumentError(f"dtype: expected one of {', '.join(DTYPES)}, found {dtype!r}")
    if device is not None and device_map is not None:
        raise ArgumentError(f"device={device} and device_map={device_map}: give one of the two")
    _check_folder(pretrained)
    own = Path(pretrained) / ADAPTER
    if adapter is None and (own / "adapter_config.json").is_file():
        adapter = own
    options = _quantised(quantization, device, device_map, adapter) if quantization else {"device_map": device_map}
    weights_dtype = "float32" if dtype == "auto" and _is_on_cpu(device, device_map) else dtype
    try:
        config = AutoConfig.from_pretrained(pretrained)
        if not isinstance(config, CPLLMConfig):
            raise CheckpointError(f"{pretrained}: expected a checkpoint of type cpllm, found {config.model_type}")
        model = CPLLMForConditionalGeneration.from_pretrained(
            pretrained,
            dtype=weights_dtype,
            attn_implementation=attn_implementation,
            use_safetensors=True,
            **options,
        )
        processor = CPLLMProcessor.from_pretrained(pretrained)
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{pretrained}: cannot be loaded as a CP-LLM checkpoint: {error}") from error
    if adapter is not None:
        model = _with_adapter(model, adapter)
    if device is not None and not quantization:
        model = model.to(device)
    return model.eval(), processor


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
        folder = Path(adapter).expanduser()
        if not folder.is_dir():
            # PEFT would take a pickle where there is nothing else.
            folder = Path(snapshot_download(str(adapter), allow_patterns=["*.json", "*.safetensors"]))
        _refuse_pickles(folder)
        return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{adapter}: cannot be loaded as a PEFT adapter: {error}") from error
