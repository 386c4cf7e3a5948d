// A step of the decoder over a few new tokens, by threads that share one memory. Each calls `step`; between phases they wait for
// each other. Each has a share of a phase's work, takes it piece by piece, and then takes pieces of what the others have left, so
// that a thread that is held up holds up little, and memory is read in long runs.
import { attendHead } from './attention'
import { lookAhead, lookAheadAt } from './look-ahead'
import { multiplyGroup } from './products'
import { Kind, Layer, Matrix, Program, Scratch, Sequence } from './structs'
import { copyFloats, normalise, quantise, silu4 } from './vectors'

/** Phases of a layer that are cut into pieces: q, k, v, attention, output, gate, down. */
const PIECEWISE = 7
/** Bytes between the counters of threads. */
const LINE: usize = 64
/** Looks at a counter before a thread sleeps a little. */
const SPINS = 20000
const NAP: i64 = 50000

export function step(p: Program, thread: i32): void {
  const s = changetype<Scratch>(p.scratch + <usize>thread * offsetof<Scratch>())
  const tokens = p.tokens
  let arrivals = 0
  let counter = p.counters
  const counterBytes = <usize>p.threads * LINE
  for (let i = 0; i < p.layers; i++) {
    const l = changetype<Layer>(p.layer + <usize>i * offsetof<Layer>())

    normaliseAll(p, s, l.attentionNorm)
    let prepared = prepare(s, l.query, null, s.inputs, tokens)
    project(p, s, thread, l.query, p.queries, counter)
    prepared = prepare(s, l.key, prepared, s.inputs, tokens)
    project(p, s, thread, l.key, p.keys, counter + counterBytes)
    prepare(s, l.value, prepared, s.inputs, tokens)
    project(p, s, thread, l.value, p.values, counter + 2 * counterBytes)
    lookAheadAt(s, l.output, thread, p.threads)
    arrivals = meet(p, s, arrivals)

    const units = p.sequences * p.kvHeads
    begin(s)
    while (take(p, s, thread, counter + 3 * counterBytes, units)) {
      for (let unit = s.first; unit < s.end; unit++) {
        const sequence = changetype<Sequence>(p.sequence + <usize>(unit / p.kvHeads) * offsetof<Sequence>())
        attendHead(p, s, l, sequence, unit % p.kvHeads)
      }
    }
    arrivals = meet(p, s, arrivals)

    prepare(s, l.output, null, p.attended, tokens)
    addProduct(p, s, thread, l.output, p.attended, counter + 4 * counterBytes)
    lookAheadAt(s, l.gate, thread, p.threads)
    arrivals = meet(p, s, arrivals)

    normaliseAll(p, s, l.feedForwardNorm)
    prepare(s, l.gate, null, s.inputs, tokens)
    gate(p, s, thread, l, counter + 5 * counterBytes)
    lookAheadAt(s, l.down, thread, p.threads)
    arrivals = meet(p, s, arrivals)

    prepare(s, l.down, null, p.gated, tokens)
    addProduct(p, s, thread, l.down, p.gated, counter + 6 * counterBytes)
    lookAheadAt(s, nextOf(p, i), thread, p.threads)
    arrivals = meet(p, s, arrivals)
    counter += PIECEWISE * counterBytes
  }
  normaliseAll(p, s, p.norm)
  prepare(s, p.head, null, s.inputs, tokens)
  project(p, s, thread, p.head, p.logits, counter)
}

/** What is multiplied with first after a layer. */
function nextOf(p: Program, layer: i32): Matrix {
  if (layer + 1 == p.layers) return p.head
  return changetype<Layer>(p.layer + <usize>(layer + 1) * offsetof<Layer>()).query
}

/** Begins with the thread's own share of a phase. */
function begin(s: Scratch): void {
  s.helped = 0
}

/** Pieces that a share is cut into. */
const PIECES = 8

/**
 * Takes a piece of a phase of `total` items, from `s.first` to `s.end`, from its own share or from those of the others; false if none is
 * left.
 */
function take(p: Program, s: Scratch, thread: i32, counters: usize, total: i32): bool {
  for (; s.helped < p.threads; s.helped++) {
    const owner = (thread + s.helped) % p.threads
    const start = (total * owner) / p.threads
    const end = (total * (owner + 1)) / p.threads
    const piece = max(1, (end - start) / PIECES)
    const first = start + atomic.add<i32>(counters + <usize>owner * LINE, piece)
    if (first < end) {
      s.first = first
      s.end = min(first + piece, end)
      return true
    }
  }
  return false
}

/** Waits until all threads are here, and reads ahead meanwhile. */
function meet(p: Program, s: Scratch, before: i32): i32 {
  const all = before + p.threads
  let spins = 0
  for (let seen = atomic.add<i32>(p.arrivals, 1) + 1; seen < all; seen = atomic.load<i32>(p.arrivals)) {
    lookAhead(s, 1)
    if (++spins > SPINS) atomic.wait<i32>(p.arrivals, seen, NAP)
  }
  return all
}

function normaliseAll(p: Program, s: Scratch, gain: usize): void {
  const bytes = (<usize>p.dim) << 2
  for (let t: usize = 0; t < <usize>p.tokens; t++) {
    normalise(s.inputs + t * bytes, p.state + t * bytes, gain, p.dim, p.epsilon)
  }
}

/** Codes of the inputs as a matrix wants them, unless those for `before` are the same. */
function prepare(s: Scratch, m: Matrix, before: Matrix | null, x: usize, tokens: i32): Matrix {
  const isPacked = m.kind == Kind.bits4 || m.kind == Kind.bits8
  if (before !== null && before.kind == m.kind && before.block == m.block) return m
  if (isPacked) quantise(s, m, x, tokens)
  return m
}

function groupsOf(m: Matrix): i32 {
  return (m.rows + 7) >> 3
}

/** Product of the normalised state -> to [tokens, rows]. */
function project(p: Program, s: Scratch, thread: i32, m: Matrix, to: usize, counter: usize): void {
  const groups = groupsOf(m)
  begin(s)
  while (take(p, s, thread, counter, groups)) {
    for (let group = s.first; group < s.end; group++) {
      multiplyGroup(s, m, s.inputs, p.tokens, group, s.tile)
      const count = min(8, m.rows - (group << 3))
      for (let t = 0; t < p.tokens; t++) {
        const tile = s.tile + ((<usize>t) << 5)
        copyFloats(to + ((<usize>t * <usize>m.rows + <usize>(group << 3)) << 2), tile, count)
      }
    }
  }
}

/** Adds a product of x to the state. */
function addProduct(p: Program, s: Scratch, thread: i32, m: Matrix, x: usize, counter: usize): void {
  const groups = groupsOf(m)
  begin(s)
  while (take(p, s, thread, counter, groups)) {
    for (let group = s.first; group < s.end; group++) {
      multiplyGroup(s, m, x, p.tokens, group, s.tile)
      const count = min(8, m.rows - (group << 3))
      for (let t = 0; t < p.tokens; t++) {
        const at = p.state + ((<usize>t * <usize>m.rows + <usize>(group << 3)) << 2)
        const tile = s.tile + ((<usize>t) << 5)
        for (let i = 0; i < count; i++) {
          const offset = (<usize>i) << 2
          store<f32>(at + offset, load<f32>(at + offset) + load<f32>(tile + offset))
        }
      }
    }
  }
}

/** silu(gate x) times up x, or times the token's row of the layer's table -> gated [tokens, hidden]. */
function gate(p: Program, s: Scratch, thread: i32, l: Layer, counter: usize): void {
  const m = l.gate
  const up = l.up
  const groups = groupsOf(m)
  begin(s)
  while (take(p, s, thread, counter, groups)) {
    for (let group = s.first; group < s.end; group++) {
      multiplyGroup(s, m, s.inputs, p.tokens, group, s.tile)
      if (up !== null) multiplyGroup(s, up, s.inputs, p.tokens, group, s.otherTile)
      const row = group << 3
      const count = min(8, m.rows - row)
      for (let t = 0; t < p.tokens; t++) {
        const tile = s.tile + ((<usize>t) << 5)
        const to = p.gated + ((<usize>t * <usize>m.rows + <usize>row) << 2)
        const other =
          up !== null ? s.otherTile + ((<usize>t) << 5) : load<usize>(l.rows + ((<usize>t) << 2)) + ((<usize>row) << 2)
        if (count == 8) {
          v128.store(to, f32x4.mul(silu4(v128.load(tile, 0)), v128.load(other, 0)), 0)
          v128.store(to, f32x4.mul(silu4(v128.load(tile, 16)), v128.load(other, 16)), 16)
        } else {
          v128.store(tile, silu4(v128.load(tile, 0)), 0)
          v128.store(tile, silu4(v128.load(tile, 16)), 16)
          for (let i = 0; i < count; i++) {
            const offset = (<usize>i) << 2
            store<f32>(to + offset, load<f32>(tile + offset) * load<f32>(other + offset))
          }
        }
      }
    }
  }
}
