"""A pretended GPU: its tensors say cuda:0, are computed on the CPU, and refuse those of the CPU.

Operations that would make the host wait for a real GPU are counted. A graph is the list of the
operations while it was captured; a replay does them again on the same tensors.
"""

import contextlib
import threading
import types
import uuid
from collections import Counter
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("cuda", 0)
NAME = "Pretended GPU"
WAITS = Counter()
"""How often each operation has made the host wait."""
_here = threading.local()


class MixedDevices(RuntimeError):
    """A tensor of the CPU among those of the GPU."""


class Gpu(torch.Tensor):
    """A tensor on the pretended GPU; `held` is where its values are."""

    @staticmethod
    def __new__(cls, held):
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=held.device,
        )
        made.held = held
        return made

    # Autograd believes that they are on the CPU, since it would ask CUDA's library about a GPU.
    device = property(lambda self: DEVICE)
    is_cuda = property(lambda self: True)

    def __repr__(self):
        return f"Gpu({self.held!r})"

    def cpu(self):
        return self.to(torch.device("cpu"))

    def to(self, *args, **kwargs):
        device = kwargs.get("device", args[0] if args else None)
        if isinstance(device, str | torch.device) and torch.device(device).type == "cpu":
            WAITS["to the CPU"] += 1
            return self.detach().held.clone()
        return super().to(*args, **kwargs)

    def __getitem__(self, place):
        if isinstance(place, torch.Tensor):
            return torch.ops.aten.index.Tensor(self, [place])
        result = self
        places = place if isinstance(place, tuple) else (place,)
        if Ellipsis in places:
            where = places.index(Ellipsis)
            missing = self.dim() - len(places) + 1 + places.count(None)
            places = (*places[:where], *[slice(None)] * missing, *places[where + 1 :])
        dim = 0
        for one in places:
            if one is None:
                result = result.unsqueeze(dim)
            elif isinstance(one, int):
                result = torch.ops.aten.select.int(result, dim, one)
                continue
            elif one != slice(None):
                result = torch.ops.aten.slice.Tensor(
                    result, dim, one.start, one.stop, one.step or 1
                )
            dim += 1
        return result

    def __setitem__(self, place, value):
        if isinstance(place, torch.Tensor):
            torch.ops.aten.index_put_(self, [place], value)
        else:
            self[place].copy_(value)

    @classmethod
    def __torch_dispatch__(cls, func, types_, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _run(func, args, kwargs):
    name = str(func)
    tensors = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, torch.Tensor)]
    ours = [one for one in tensors if isinstance(one, Gpu)]
    device = kwargs.get("device")
    made_there = device is not None and torch.device(device).type == "cuda"
    if kwargs.get("pin_memory") and not made_there:
        return _pinned(func(*args, **{**kwargs, "pin_memory": False}))
    if not ours and not made_there:
        return func(*args, **kwargs)
    others = [one for one in tensors if not isinstance(one, Gpu) and one.dim()]
    if name.startswith("aten._to_copy"):
        return _copied(func, tensors[0], kwargs)
    if name.startswith("aten.copy_") and others:
        WAITS[name] += 1
        _held(args[0]).copy_(_held(args[1]))
        return args[0]
    if others:
        raise MixedDevices(f"{name}: a tensor {tuple(others[0].shape)} of the CPU")
    if name.startswith(("aten._local_scalar_dense", "aten.nonzero", "aten.equal")):
        WAITS[name] += 1
    if made_there:
        kwargs = {**kwargs, "device": torch.device("cpu"), "pin_memory": False}
    args, kwargs = tree_map(_held, (args, kwargs))
    result = func(*args, **kwargs)
    writes = [returned.alias_info for returned in func._schema.returns]
    views = any(alias is not None and not alias.is_write for alias in writes)
    if not views and getattr(_here, "captured", None) is not None:
        _here.captured.append((func, args, kwargs, result))
    known = {id(one.held): one for one in ours}

    def wrapped(value):
        if not isinstance(value, torch.Tensor):
            return value
        if not views and id(value) in known:
            return known[id(value)]
        return Gpu(value)

    return tree_map(wrapped, result)


def _copied(func, source, kwargs):
    kwargs = {**kwargs, "device": torch.device("cpu")}
    without_waiting = kwargs.pop("non_blocking", False) and getattr(source, "pinned", False)
    if not isinstance(source, Gpu):
        if not without_waiting:
            WAITS["from the CPU"] += 1
        return Gpu(func(source, **kwargs).clone())
    result = func(source.held, **kwargs)
    if getattr(_here, "captured", None) is not None:
        _here.captured.append((func, (source.held,), kwargs, result))
    return Gpu(result)


def _held(value):
    return value.held if isinstance(value, Gpu) else value


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func, types_, args=(), kwargs=None):
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:
                result = func.decompose(*args, **(kwargs or {}))
                if result is not NotImplemented:
                    return result
        return _run(func, args, kwargs or {})


class _Generator(torch.Generator):
    """A generator that says it is on the GPU; its draws are the CPU's."""

    def __new__(cls, device="cpu"):
        made = super().__new__(cls, "cpu")
        made.says = torch.device(device)
        return made

    device = property(lambda self: self.says)


class _Graph:
    def register_generator_state(self, generator):
        pass

    def replay(self):
        for call, args, kwargs, results in self.operations:
            found = call(*args, **kwargs)
            for before, after in zip(tree_flatten(results)[0], tree_flatten(found)[0], strict=True):
                if isinstance(before, torch.Tensor) and after is not before:
                    before.copy_(after)


@contextlib.contextmanager
def _capturing(graph, **_):
    _here.captured = graph.operations = []
    try:
        yield
    finally:
        _here.captured = None


@contextlib.contextmanager
def _on_gpu(_=None):
    """What holds in a thread that computes on the GPU: modes of PyTorch are of a thread."""
    with _Mode(), torch.autograd.set_multithreading_enabled(False):
        yield


def _without_gradients(context):
    context.grad = torch.is_grad_enabled()
    torch.set_grad_enabled(False)


def _with_gradients_as_before(context, *_):
    torch.set_grad_enabled(context.grad)


def _pinned(tensor):
    tensor = tensor.clone()
    tensor.pinned = True
    return tensor


@contextlib.contextmanager
def pretended_gpu(free=80 * 10**9, capability=(9, 0), architectures=("sm_90",)):
    """Make PyTorch see one GPU, with `free` bytes of memory, while the block runs."""
    about = types.SimpleNamespace(
        name=NAME, major=capability[0], minor=capability[1], uuid=f"GPU-{uuid.uuid4()}"
    )
    there = {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "is_bf16_supported": lambda including_emulation=True: True,
        "get_device_properties": lambda _=None: about,
        "get_arch_list": lambda: list(architectures),
        "set_device": lambda _: None,
        "mem_get_info": lambda _=None: (free, free),
        "synchronize": lambda _=None: None,
        "Stream": lambda _=None: None,
        "current_stream": lambda: None,
        "device": lambda _: contextlib.nullcontext(),
        "stream": _on_gpu,
        "CUDAGraph": _Graph,
        "graph": _capturing,
    }
    WAITS.clear()
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with contextlib.ExitStack() as patches:
            for name, value in there.items():
                patches.enter_context(patch.object(torch.cuda, name, value))
            # Tensors like ours cannot be in inference mode; they are without gradients instead.
            mode = torch.inference_mode
            patches.enter_context(patch.object(mode, "__enter__", _without_gradients))
            patches.enter_context(patch.object(mode, "__exit__", _with_gradients_as_before))
            patches.enter_context(patch.object(torch, "Generator", _Generator))
            patches.enter_context(patch.object(torch.Tensor, "pin_memory", _pinned))
            patches.enter_context(_on_gpu())
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)
