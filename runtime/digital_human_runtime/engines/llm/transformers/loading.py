"""Loads a model the way it was asked for: weights, tokenizer, and the one batching manager."""

from __future__ import annotations

from dataclasses import dataclass
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    ContinuousBatchingConfig,
    GenerationConfig,
    TorchAoConfig,
)
from transformers.utils import is_flash_attn_2_available, logging

from digital_human_runtime.engines.errors import Refused
from digital_human_runtime.engines.llm.transformers import memory
from digital_human_runtime.engines.llm.transformers.checkpoint import Checkpoint
from digital_human_runtime.engines.llm.transformers.compiling import (
    Compiling,
    choose_compiling,
)
from digital_human_runtime.engines.llm.transformers.device import Device
from digital_human_runtime.engines.llm.transformers.host import cpus, find_device, tools
from digital_human_runtime.engines.llm.transformers.loaded import Loaded
from digital_human_runtime.engines.llm.transformers.precision import Format, choose_format


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the model shall be served."""

    precision: str
    memory_fraction: float
    compile_mode: str
    max_sessions: int
    context_length: int
    device: str | None
    """cuda, cpu, or None for a GPU where there is one."""
    lost_cache: str | None = None
    """Folder for compiled code that cannot be written."""


def load(checkpoint: Checkpoint, wanted: Wanted) -> Loaded:
    """Read the weights, plan the memory, compile and warm up; blocks. Raises Refused."""
    _quieten()
    device = find_device(wanted.device)
    form = choose_format(wanted.precision, device)
    if device.kind == "cpu":
        torch.set_num_threads(min(torch.get_num_threads(), cpus()))
    compiling = choose_compiling(wanted.compile_mode, device, tools(device, wanted.lost_cache))
    memory.check_weights(
        checkpoint.size(form.weight_bits), device, wanted.memory_fraction, form.name
    )
    tokenizer = _tokenizer(checkpoint.folder)
    model = _model(checkpoint.folder, form, device)
    plan = memory.plan(
        shape(model.config.get_text_config()),
        device,
        weights=_weights(model, device),
        fraction=wanted.memory_fraction,
        sessions=wanted.max_sessions,
        context_length=wanted.context_length,
        itemsize=form.itemsize,
    )
    loaded = Loaded(model, tokenizer, form, plan, device)
    loaded.manager = _manager(loaded, wanted, compiling)
    return loaded


def _quieten() -> None:
    """Keep the libraries' warnings out of the logs: some hold tokens of conversations."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for name in ("ContinuousBatchingLogger", "torch.utils._pytree"):
        getLogger(name).setLevel(ERROR)


def shape(config: Any) -> memory.Shape:
    """The numbers of a model that the memory plan needs; Refused for one without attention."""
    heads = getattr(config, "num_attention_heads", None)
    if not heads:
        raise Refused(f"a {config.model_type} model has no attention cache: serve it elsewhere")
    return memory.Shape(
        layers=config.num_hidden_layers,
        heads=heads,
        kv_heads=getattr(config, "num_key_value_heads", None) or heads,
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
        vocabulary=config.vocab_size,
        longest=getattr(config, "max_position_embeddings", None) or 2**31,
    )


def _tokenizer(folder: Path) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise Refused(f"the tokenizer in {folder} cannot be loaded: {_short(error)}") from error
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise Refused(f"{folder} has no tokenizer.json: convert its tokenizer to that form")
    return tokenizer


def _model(folder: Path, form: Format, device: Device) -> Any:
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, form.dtype),
            device_map=device.kind,
            attn_implementation="sdpa",
            quantization_config=_quantization(form),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    except torch.OutOfMemoryError as error:
        raise Refused(f"the weights in {folder} do not fit {device.described}") from error
    except Exception as error:
        raise Refused(f"the model in {folder} cannot be loaded: {_short(error)}") from error
    return model.eval()


def _quantization(form: Format) -> TorchAoConfig | None:
    if form.weight_bits > 8:
        return None
    from torchao.quantization import (  # noqa: PLC0415 - takes seconds, and only these two need it
        Int4WeightOnlyConfig,
        Int8WeightOnlyConfig,
    )
    from torchao.quantization.quantize_.workflows import Int4PackingFormat  # noqa: PLC0415

    if form.weight_bits == 8:
        return TorchAoConfig(Int8WeightOnlyConfig())
    packing = Int4PackingFormat(form.packing)
    return TorchAoConfig(Int4WeightOnlyConfig(int4_packing_format=packing))


def _weights(model: Any, device: Device) -> int:
    if device.kind == "cuda":
        return int(torch.cuda.memory_allocated(0))
    return int(model.get_memory_footprint())


def _manager(loaded: Loaded, wanted: Wanted, compiling: Compiling | None) -> Any:
    """The one batching manager: capped, and warmed where graphs or compiled code want it."""
    if loaded.device.kind == "cuda":
        torch.cuda.set_per_process_memory_fraction(wanted.memory_fraction, 0)
    told = loaded.model.generation_config
    generation = GenerationConfig(
        do_sample=True,
        temperature=0.7,  # any but 1, so that each request may bring its own
        top_k=told.top_k or 0,
        top_p=told.top_p if told.top_p is not None else 1.0,
        eos_token_id=sorted(loaded.ends) or -1,
        pad_token_id=min(loaded.ends, default=0),
    )
    config = ContinuousBatchingConfig(
        page_size=loaded.plan.page_size,
        num_blocks=loaded.plan.blocks,
        max_batch_tokens=loaded.plan.batch_tokens,
        max_memory_percent=wanted.memory_fraction,
        max_requests_per_batch=wanted.max_sessions,
        use_cuda_graph=True if compiling and compiling.graphs else None,
        default_compile_level=compiling.level if compiling else 0,
        auto_switch_to_flash=is_flash_attn_2_available(),  # never by a download
        per_request_processors=True,
    )
    try:
        manager = loaded.model.init_continuous_batching(
            generation_config=generation, continuous_batching_config=config
        )
        manager.warmup()
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise Refused(
            f"{loaded.device.described} has no room for the conversations beside the weights:"
            " lower context_length or max_sessions"
        ) from error
    except Exception as error:
        raise Refused(f"this kind of model cannot be served here: {_short(error)}") from error
    return manager


def _short(error: Exception) -> str:
    """The first sentence of an error of a library."""
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return line if len(line) <= 200 else f"{line[:197]}..."
