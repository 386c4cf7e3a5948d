// What the calling side writes into the memory, 4 bytes a field, in this order: src/decoder/step-threads/structs.ts.

/** A matrix [rows, columns] in groups of 8 rows, whose words lie side by side: see `placeMatrix`. */
@unmanaged
export class Matrix {
  kind: Kind
  rows: i32
  columns: i32
  /** Columns that share a scale. */
  block: i32
  data: usize
  bytes: usize
  /** [rows / 8, columns / block, 8], as float32 or their upper halves. */
  scales: usize
  areScalesShort: i32
}

export enum Kind {
  float32,
  float16,
  bits4,
  bits8,
}

@unmanaged
export class Layer {
  attentionNorm: usize
  query: Matrix
  key: Matrix
  value: Matrix
  output: Matrix
  feedForwardNorm: usize
  gate: Matrix
  /** Null where rows of a table take its place. */
  up: Matrix | null
  down: Matrix
  /** Caches [places, G, capacity, width], and by channel of a head [G, width] what a unit of them stands for. */
  keys: usize
  values: usize
  keyScales: usize
  valueScales: usize
  /** For each token of the step, where its row is [B]. */
  rows: usize
}

/** New tokens of one sequence: `count` of the step's from `first`, the first of them at `position`. */
@unmanaged
export class Sequence {
  place: i32
  first: i32
  count: i32
  position: i32
}

/** Memory of one thread. */
@unmanaged
export class Scratch {
  /** Inputs of products [B, widest], and the same in whole numbers. */
  inputs: usize
  codes: usize
  /** By token and block: what a unit of the codes stands for, and what their sum takes away where weights are unsigned. */
  units: usize
  offsets: usize
  /** Results of a group of rows [B, 8], of two matrices. */
  tile: usize
  otherTile: usize
  /** [capacity] */
  scores: usize
  /** Beside int8 caches: a query [width] and shares [capacity] in 16 bits. */
  query: usize
  shares: usize
  /** The piece of a phase that it has in work, and how many threads' shares it has seen the end of. */
  first: i32
  end: i32
  helped: i32
  /** What it reads ahead, and something of what it saw there, so that reading is not left out. */
  ahead: usize
  aheadEnd: usize
  seen: u32
  /** 0x0f0f0f0f: the engine makes a constant vector anew wherever it is used, but keeps one that it cannot know. */
  low4: i32
}

@unmanaged
export class Program {
  threads: i32
  /** Tokens of this step, B, of so many sequences. */
  tokens: i32
  sequences: i32
  layers: i32
  dim: i32
  heads: i32
  kvHeads: i32
  headDim: i32
  /** Channels that a head has in the cache. */
  cacheWidth: i32
  capacity: i32
  /** Whether the caches are int8, else float32. */
  isSmallCache: i32
  hidden: i32
  epsilon: f32
  /** One behind the other. */
  layer: usize
  sequence: usize
  scratch: usize
  norm: usize
  head: Matrix
  /** [capacity, headDim], those of a pair twice; sines of the even ones negative. */
  cosines: usize
  sines: usize
  /** [B, dim]: the embeddings when a step begins. */
  state: usize
  queries: usize
  keys: usize
  values: usize
  attended: usize
  gated: usize
  /** [B, vocabulary] */
  logits: usize
  /** Zero when a step begins: of each phase, how much of it was taken, and how often threads have arrived at its end. */
  counters: usize
  arrivals: usize
}
