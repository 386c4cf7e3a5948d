"""A small STEM decoder in PyTorch: the other half of stem.ts. Run as `python3 stem.py FOLDER` by from-pytorch.test.ts."""
import json, math, sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

DIM, LAYERS, HEADS, HIDDEN, VOCAB, LENGTH = 64, 2, 4, 128, 200, 32

# region model
class StemFeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(DIM, HIDDEN, bias=False)
        self.stem_table = nn.Embedding(VOCAB, HIDDEN)
        self.down_proj = nn.Linear(HIDDEN, DIM, bias=False)

    def forward(self, x, ids):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.stem_table(ids))

class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ('q_proj', 'k_proj', 'v_proj', 'o_proj'):
            self.add_module(name, nn.Linear(DIM, DIM, bias=False))

    def forward(self, x, cos, sin):
        B, T, _ = x.shape
        heads = lambda y: y.view(B, T, HEADS, -1).transpose(1, 2)
        q, k, v = heads(self.q_proj(x)), heads(self.k_proj(x)), heads(self.v_proj(x))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        scores = q @ k.transpose(2, 3) / math.sqrt(DIM // HEADS)
        later = torch.ones(T, T, dtype=torch.bool).triu(1)
        y = scores.masked_fill(later, float('-inf')).softmax(-1) @ v
        return self.o_proj(y.transpose(1, 2).reshape(B, T, DIM))

class RMSNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(DIM))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm, self.self_attn = RMSNorm(), Attention()
        self.post_attention_layernorm, self.mlp = RMSNorm(), StemFeedForward()

    def forward(self, h, ids, cos, sin):
        h = h + self.self_attn(self.input_layernorm(h), cos, sin)
        return h + self.mlp(self.post_attention_layernorm(h), ids)

class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCAB, DIM)
        self.layers = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = RMSNorm()
        pairs = torch.arange(0, DIM // HEADS, 2) / (DIM // HEADS)
        angles = torch.outer(torch.arange(LENGTH), 10000.0 ** -pairs)
        self.cos, self.sin = angles.cos(), angles.sin()

    def forward(self, ids):
        h = self.embed_tokens(ids)
        for layer in self.layers:
            h = layer(h, ids, self.cos, self.sin)
        return self.norm(h)

def rotate(x, cos, sin):
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)

class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Decoder()
        self.lm_head = nn.Linear(DIM, VOCAB, bias=False)
# endregion

# region loss
def next_token_loss(lm, ids, targets):
    logits = lm.lm_head(lm.model(ids))
    return F.cross_entropy(logits.view(-1, VOCAB), targets.view(-1))
# endregion

def step_with(lm):
    # region step
    optimizer = torch.optim.AdamW([
        {'params': [p for p in lm.parameters() if p.dim() > 1], 'weight_decay': 0.1},
        {'params': [p for p in lm.parameters() if p.dim() == 1], 'weight_decay': 0.0},
    ], betas=(0.9, 0.95))

    def step(ids, targets, learning_rate):
        for group in optimizer.param_groups:
            group['lr'] = learning_rate
        loss = next_token_loss(lm, ids, targets)
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(lm.parameters(), 1.0)
        optimizer.step()
        return loss.item(), norm.item()
    # endregion
    return step

def main(folder):
    """Reads weights (raw float32 files by name) and batches, prints losses and gradient norms as JSON."""
    shapes = json.loads((folder / 'shapes.json').read_text())
    lm = LanguageModel()
    lm.load_state_dict({
        name: torch.frombuffer(bytearray((folder / name).read_bytes()), dtype=torch.float32).view(shape)
        for name, shape in shapes.items()
    })
    step = step_with(lm)
    batches = json.loads((folder / 'batches.json').read_text())
    of = lambda numbers: torch.tensor(numbers).view(-1, LENGTH)
    print(json.dumps([step(of(batch['ids']), of(batch['targets']), batch['lr']) for batch in batches]))

if __name__ == '__main__':
    main(Path(sys.argv[1]))
