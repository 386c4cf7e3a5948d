import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { rowsOfFile, rowsOfJson } from '../data/rows-of-file.ts'
import {
  arcRow,
  boolqRow,
  hellaswagRow,
  mmluRow,
  openbookqaRow,
  piqaRow,
  socialIqaRow,
  winograndeRow,
} from '../data/upstream/convert-choices.ts'
import { lambadaRow, longbenchRow, musrRows, wikitextRows } from '../data/upstream/convert-texts.ts'
import { standInNote } from '../data/upstream/stand-in-note.ts'
import type { Row, RowSource } from '../tasks/rows.ts'

export interface UpstreamRowsOptions {
  /** Told, once each, in what rows are not those of the data set: scores on them are not comparable with others. */
  readonly onNotice?: ((notice: string) => void) | undefined
}

/** Reads files of the folder, by their names in it. */
interface Files {
  /** Undefined where there is no such file. */
  text(file: string): Promise<string | undefined>
  rows(file: string): Promise<readonly Row[] | undefined>
}

/** Rows of one split of a data set; undefined where it has none. */
type Converter = (files: Files, split: string, name: string) => Promise<readonly Row[] | undefined>

/**
 * Rows of a folder that holds data sets as their authors, or collections, publish them: ARC's JSONL, MMLU's CSV, PIQA with its
 * labels beside it and so on. The table in the README says which files; splits that are not among them are made of the rows
 * that are there, as their shots have to come from somewhere, and `onNotice` is told.
 * @throws not-found for a data set that it does not know, or whose files are not there
 */
export function upstreamRows(folder: string, { onNotice }: UpstreamRowsOptions = {}): RowSource {
  const told = new Set<string>()
  const tell = (notice: string | undefined): void => {
    if (notice === undefined || told.has(notice)) return
    told.add(notice)
    onNotice?.(notice)
  }
  return async ({ path, name = '', split }, { signal } = {}) => {
    const convert = Object.hasOwn(CONVERTERS, path) ? CONVERTERS[path] : undefined
    if (!convert) throw new StemkitError('not-found', `${path} is not among the data sets that are read as published`)
    let isThere = false
    const bytes = async (file: string): Promise<Uint8Array | undefined> => {
      try {
        const found = await readFile(join(folder, file), signal ? { signal } : {})
        isThere = true
        return found
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw cause
      }
    }
    const files: Files = {
      async text(file) {
        const found = await bytes(file)
        return found && new TextDecoder().decode(found)
      },
      async rows(file) {
        const found = await bytes(file)
        return found && rowsOfFile(join(folder, file), found)
      },
    }
    const rows = await convert(files, split, name)
    if (rows) tell(standInNote(path, split))
    if (rows || isThere) return rows
    throw new StemkitError(
      'not-found',
      `${folder} has no files of ${path}${name === '' ? '' : ` (${name})`}, split ${split}`,
    )
  }
}

const FOUNDRY = 'llm-foundry'

/** Where a data set has one file only, its first rows stand for the split that shots are drawn from. */
const firstOf = (rows: readonly Row[] | undefined, split: string, whole: string, first: number) =>
  split === whole ? rows : split === 'train' ? rows?.slice(0, first) : undefined

async function withLabels(
  files: Files,
  file: string,
  labels: string,
  convert: (row: Row, label: string) => Row,
): Promise<readonly Row[] | undefined> {
  const [rows, text] = await Promise.all([files.rows(file), files.text(labels)])
  if (!rows || text === undefined) return undefined
  const lines = text.trim().split(/\s+/u)
  if (lines.length !== rows.length) {
    throw new StemkitError('corrupt', `${labels} has ${lines.length} labels for the ${rows.length} rows of ${file}`)
  }
  return rows.map((row, i) => convert(row, lines[i]!))
}

const CONVERTERS: Readonly<Record<string, Converter>> = {
  async 'allenai/ai2_arc'(files, split, name) {
    const file = { test: 'Test', validation: 'Dev', train: 'Dev' }[split]
    return file === undefined ? undefined : (await files.rows(`arc/${name}-${file}.jsonl`))?.map(arcRow)
  },
  async 'allenai/openbookqa'(files, split) {
    const rows = await files.rows(`${FOUNDRY}/commonsense_reasoning/openbook_qa.jsonl`)
    return firstOf(rows?.map(openbookqaRow), split, 'test', 60)
  },
  async 'aps/super_glue'(files, split, name) {
    if (name !== 'boolq' || !['validation', 'train'].includes(split)) return undefined
    return (await files.rows('boolq/val.jsonl'))?.map(boolqRow)
  },
  async 'baber/piqa'(files, split) {
    const rows = await withLabels(files, 'piqa/valid.jsonl', 'piqa/valid-labels.lst', piqaRow)
    return firstOf(rows, split, 'validation', 40)
  },
  async 'lighteval/siqa'(files, split) {
    const rows = await withLabels(files, 'social_iqa/dev.jsonl', 'social_iqa/dev-labels.lst', socialIqaRow)
    return firstOf(rows, split, 'validation', 60)
  },
  async 'Rowan/hellaswag'(files, split) {
    const file = 'hellaswag/hellaswag.abstainqa.json'
    const text = await files.text(file)
    if (text === undefined) return undefined
    const { dev, test } = JSON.parse(text) as { dev?: unknown; test?: unknown }
    const rows = rowsOfJson(file, JSON.stringify(split === 'validation' ? test : dev)).map(hellaswagRow)
    return split === 'validation' ? rows : split === 'train' ? rows.slice(0, 40) : undefined
  },
  async 'allenai/winogrande'(files, split) {
    const rows = await files.rows(`${FOUNDRY}/language_understanding/winogrande.jsonl`)
    return firstOf(rows?.map(winograndeRow), split, 'validation', 40)
  },
  async 'openai/gsm8k'(files, split) {
    return files.rows(`gsm8k/${split}.jsonl`)
  },
  async 'cais/mmlu'(files, split, name) {
    return (await files.rows(`mmlu/${split}/${name}_${split}.csv`))?.map((row) => mmluRow(row, name))
  },
  async 'EleutherAI/lambada_openai'(files, split) {
    const rows = await files.rows(`${FOUNDRY}/language_understanding/lambada_openai.jsonl`)
    return split === 'test' ? rows?.map(lambadaRow) : undefined
  },
  async 'EleutherAI/wikitext_document_level'(files, split) {
    const places = [`wikitext-2/${split}.txt`, `../corpora/wikitext-2/${split}.txt`]
    for (const place of places) {
      const text = await files.text(place)
      if (text !== undefined) return wikitextRows(text)
    }
    return undefined
  },
  async 'SaylorTwift/bbh'(files, split, name) {
    const file = `bbh/bbh/${name}.json`
    const text = split === 'test' ? await files.text(file) : undefined
    if (text === undefined) return undefined
    return rowsOfJson(file, JSON.stringify((JSON.parse(text) as { examples?: unknown }).examples))
  },
  async 'TAUR-Lab/MuSR'(files, split) {
    // The story of a murder is one, of which the data set has many.
    const name = split === 'murder_mysteries' ? 'murder_mystery' : split
    return (await files.rows(`musr/small_${name}.json`))?.flatMap(musrRows)
  },
  async 'Xnhyacinth/LongBench'(files, split, name) {
    const [prompts, templates] = await Promise.all([
      files.text(`longbench/MiniLongBench_${name}.json`),
      files.text('longbench/config/dataset2prompt.json'),
    ])
    if (split !== 'test' || prompts === undefined || templates === undefined) return undefined
    const rows = Object.values(JSON.parse(prompts) as Readonly<Record<string, Row>>)
    const known = JSON.parse(templates) as Readonly<Record<string, string>>
    return rows.map((row) => longbenchRow(row, name, known))
  },
}
