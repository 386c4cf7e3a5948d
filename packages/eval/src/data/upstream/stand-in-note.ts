interface Difference {
  /** Of the splits that are asked about. */
  readonly rows?: string
  /** What stands for the split that shots are drawn from. */
  readonly train?: string
}

const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'allenai/ai2_arc': { train: 'the Dev set' },
  'allenai/openbookqa': { train: 'the first 60 rows of test' },
  'aps/super_glue': { train: 'the validation set' },
  'baber/piqa': { train: 'the first 40 rows of validation' },
  'lighteval/siqa': { train: 'the first 60 rows of validation' },
  'Rowan/hellaswag': {
    rows: "rows are AbstainQA's, with activity labels that are made up",
    train: "the first 40 rows of AbstainQA's dev",
  },
  'allenai/winogrande': { train: 'the first 40 rows of validation' },
  'Xnhyacinth/LongBench': { rows: 'rows are those of MiniLongBench, a small part of it' },
}

/** In what a split that was made from files as published is not that of the data set; undefined where it is. */
export function standInNote(dataset: string, split: string): string | undefined {
  const { rows, train } = DIFFERENCES[dataset] ?? {}
  const parts = [
    ...(rows === undefined ? [] : [rows]),
    ...(train === undefined || split !== 'train' ? [] : [`the train split is ${train}`]),
  ]
  return parts.length === 0 ? undefined : `${dataset}: ${parts.join('; ')}`
}
