"""One training step of a STEM or dense language model, as a careful PyTorch user writes it for a CPU.

    python3 torch_step.py TASK.json

TASK.json: {"config": the model's sizes, "size", "length": B and T, "learningRate", "batches", "weights"}. `batches` is a file
of int32 [count, 2, B, T]: input ids and targets, -100 where a position does not count. `weights` is a safetensors file of
F32 tensors under Hugging Face Llama names, with `mlp.stem_table.weight` in STEM layers.

Then one command a line on stdin, one JSON object a line on stdout:

    step [LEARNING_RATE]   forward, backward, clipping, AdamW and row AdamW on the next batch -> {"milliseconds", "loss", "gradNorm"}
    product                GFLOP/s of a large matrix product -> {"gflops"}

The first line says how PyTorch is set up. The script ends with its stdin.
"""

import json
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

BETAS, EPS, DECAY, CLIP = (0.9, 0.95), 1e-8, 0.1, 1.0


def weight_shapes(c):
    """Name -> shape of every weight, matrices [out, in]."""
    d, h, v = c["dim"], c["ffnHidden"], c["vocabSize"]
    q, kv = c["heads"] * c["headDim"], c["kvHeads"] * c["headDim"]
    shapes = {"model.embed_tokens.weight": [v, d], "lm_head.weight": [v, d], "model.norm.weight": [d]}
    for layer, kind in enumerate(c["feedForwards"]):
        at = f"model.layers.{layer}."
        shapes[at + "input_layernorm.weight"] = shapes[at + "post_attention_layernorm.weight"] = [d]
        for name, shape in {"q": [q, d], "k": [kv, d], "v": [kv, d], "o": [d, q]}.items():
            shapes[at + f"self_attn.{name}_proj.weight"] = shape
        shapes[at + "mlp.gate_proj.weight"] = [h, d]
        shapes[at + "mlp.down_proj.weight"] = [d, h]
        if kind == "stem":
            shapes[at + "mlp.stem_table.weight"] = [v, h]
        elif kind == "dense":
            shapes[at + "mlp.up_proj.weight"] = [h, d]
        else:
            raise SystemExit(f"layer {layer} is {kind}, which this script does not know")
    return shapes


def read_safetensors(path):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    data = np.memmap(path, np.uint8, "r", 8 + size)
    return {
        name: torch.from_numpy(data[slice(*t["data_offsets"])].copy().view(np.float32).reshape(t["shape"]))
        for name, t in header.items()
        if name != "__metadata__"
    }


def rms_norm(x, gain, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * gain


def rotate(x, turns):
    """Interleaved rotary embedding as complex products: x [B, T, H, hd], turns [T, 1, hd / 2]."""
    return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2))) * turns).flatten(-2)


def attention(c, w, at, x, turns, mask):
    H, G, hd = c["heads"], c["kvHeads"], c["headDim"]
    T = len(turns)
    project = lambda name, heads: F.linear(x, w[f"{at}self_attn.{name}_proj.weight"]).view(-1, T, heads, hd)
    q, k, v = rotate(project("q", H), turns), rotate(project("k", G), turns), project("v", G)
    if G < H:
        k, v = k.repeat_interleave(H // G, 2), v.repeat_interleave(H // G, 2)
    q, k, v = (t.transpose(1, 2).reshape(-1, T, hd) for t in (q, k, v))
    scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=hd**-0.5)
    y = torch.bmm(torch.softmax(scores, -1), v)
    y = y.view(-1, H, T, hd).transpose(1, 2).reshape(-1, H * hd)
    return F.linear(y, w[at + "self_attn.o_proj.weight"])


def feed_forward(w, at, x, rows, inverse):
    gate = F.silu(F.linear(x, w[at + "mlp.gate_proj.weight"]))
    up = F.linear(x, w[at + "mlp.up_proj.weight"]) if rows is None else F.embedding(inverse, rows)
    return F.linear(gate * up, w[at + "mlp.down_proj.weight"])


def loss_of(c, w, rows, inverse, ids, targets, turns, mask):
    norm = lambda h, name: rms_norm(h, w[name + ".weight"], c["normEps"])
    h = F.embedding(ids, w["model.embed_tokens.weight"])
    for layer in range(c["layers"]):
        at = f"model.layers.{layer}."
        h = h + attention(c, w, at, norm(h, at + "input_layernorm"), turns, mask)
        h = h + feed_forward(w, at, norm(h, at + "post_attention_layernorm"), rows.get(layer), inverse)
    return F.cross_entropy(F.linear(norm(h, "model.norm"), w["lm_head.weight"]), targets)


class RowAdamW:
    """Moves only the rows that a step used; decay-free; one step counter. Vector operations over all tables at once."""

    def __init__(self, tables):
        self.tables = tables
        self.m = [torch.zeros_like(t) for t in tables]
        self.v = [torch.zeros_like(t) for t in tables]
        self.t = 0

    @torch.no_grad()
    def step(self, unique, rows, lr):
        self.t += 1
        values, grads = [r.detach() for r in rows], [r.grad for r in rows]
        m = [t.index_select(0, unique) for t in self.m]
        v = [t.index_select(0, unique) for t in self.v]
        torch._foreach_mul_(m, BETAS[0])
        torch._foreach_add_(m, grads, alpha=1 - BETAS[0])
        torch._foreach_mul_(v, BETAS[1])
        torch._foreach_addcmul_(v, grads, grads, 1 - BETAS[1])
        root = torch._foreach_sqrt(v)
        torch._foreach_div_(root, math.sqrt(1 - BETAS[1] ** self.t))
        torch._foreach_add_(root, EPS)
        torch._foreach_addcdiv_(values, m, root, -lr / (1 - BETAS[0] ** self.t))
        for into, new in zip(self.tables + self.m + self.v, values + m + v):
            into.index_copy_(0, unique, new)


def trainer(task):
    """Returns step(learning rate) -> (loss, gradient norm)."""
    c = task["config"]
    weights = read_safetensors(task["weights"])
    for name, shape in weight_shapes(c).items():
        if name not in weights or list(weights[name].shape) != shape:
            raise SystemExit(f"{task['weights']}: {name} should be there as {shape}")
    stem_layers = [layer for layer, kind in enumerate(c["feedForwards"]) if kind == "stem"]
    tables = {layer: weights.pop(f"model.layers.{layer}.mlp.stem_table.weight") for layer in stem_layers}
    params = [p.requires_grad_() for p in weights.values()]
    groups = [
        {"params": [p for p in params if p.ndim > 1], "weight_decay": DECAY},
        {"params": [p for p in params if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.0, betas=BETAS, eps=EPS, foreach=True)
    row_optimizer = RowAdamW(list(tables.values()))

    B, T, hd = task["size"], task["length"], c["headDim"]
    angles = torch.outer(torch.arange(T).double(), c["ropeTheta"] ** (-torch.arange(0, hd, 2).double() / hd))
    turns = torch.polar(torch.ones_like(angles), angles).to(torch.complex64)[:, None, :]
    mask = torch.full((T, T), -math.inf).triu(1).expand(B * c["heads"], T, T)
    batches = torch.from_numpy(np.fromfile(task["batches"], np.int32).astype(np.int64)).view(-1, 2, B * T)
    taken = 0

    def step(lr):
        nonlocal taken
        ids, targets = batches[taken % len(batches)]
        taken += 1
        unique, inverse = torch.unique(ids, return_inverse=True)
        rows = {n: table.index_select(0, unique).requires_grad_() for n, table in tables.items()}
        loss = loss_of(c, weights, rows, inverse, ids, targets, turns, mask)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([*params, *rows.values()], CLIP)
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if rows:
            row_optimizer.step(unique, list(rows.values()), lr)
        return loss.item(), norm.item()

    return step


def product_gflops(m=1024, n=2048, k=1408, repeats=10):
    a, b = torch.randn(m, k), torch.randn(n, k)
    F.linear(a, b)
    start = time.perf_counter()
    for _ in range(repeats):
        F.linear(a, b)
    return repeats * 2 * m * n * k / (time.perf_counter() - start) / 1e9


def setup():
    with open("/proc/self/maps") as maps:
        blas = sorted({line.split()[-1] for line in maps if "openblas" in line or "libmkl_" in line or "/libblas" in line})
    return {"torch": torch.__version__, "threads": torch.get_num_threads(), "blas": blas}


def main():
    with open(sys.argv[1]) as file:
        task = json.load(file)
    step = trainer(task)
    say = lambda answer: print(json.dumps(answer), flush=True)
    say(setup())
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "product":
            say({"gflops": product_gflops()})
        elif command == "step":
            start = time.perf_counter()
            loss, norm = step(float(arguments[0]) if arguments else task["learningRate"])
            say({"milliseconds": (time.perf_counter() - start) * 1e3, "loss": loss, "gradNorm": norm})
        else:
            raise SystemExit(f"unknown command '{command}'")


if __name__ == "__main__":
    main()
