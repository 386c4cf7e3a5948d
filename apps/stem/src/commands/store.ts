import { tableRowInitializer } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import {
  copyTable,
  createRowTable,
  encodeRows,
  openRowTable,
  payloadBytes,
  recordBytes,
  verifyTable,
  type RowDtype,
  type RowLayout,
  type RowState,
  type RowTable,
} from '@stemkit/store'
import { readModelFolder } from '@stemkit/weights/node'
import { toFloat32 } from '@stemkit/weights'
import { Command, Option } from 'commander'
import { openPlugins, pluginOption } from '../plugins/open-plugins.ts'
import { EXIT, signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import { number } from './number-option.ts'

interface Common {
  readonly plugin?: readonly string[]
  readonly json?: boolean
}
type Progress = (progress: { readonly rows: number; readonly totalRows: number }) => void

const dtypeOption = (): Option =>
  new Option('--dtype <dtype>', 'how values are stored').choices(['f32', 'f16', 'bf16', 'int8'])
const stateOption = (): Option =>
  new Option('--state <state>', "what the optimiser keeps beside them; 'adam' to train").choices([
    'none',
    'adam',
    'row-adagrad',
  ])

/** Tables by URL. */
export function storeCommand(): Command {
  const store = new Command('store').description('make, look at, copy and check tables of rows in files and databases')
  for (const verb of [createVerb(), infoVerb(), copyVerb(), verifyVerb(), snapshotVerb()]) store.addCommand(verb)
  return store
}

function createVerb(): Command {
  interface Options extends Common {
    readonly from?: string
    readonly rows?: number
    readonly layers?: number
    readonly width?: number
    readonly dtype: RowDtype
    readonly state: RowState
  }
  return new Command('create')
    .description('make a table: of zeros, or with the tables of a model folder')
    .argument('<url>', 'where, as in file:./rows')
    .option('--from <model>', 'a model folder with tables among its weights')
    .option('--rows <n>', 'without --from: number of rows', number)
    .option('--layers <n>', 'without --from: layers of a row', number)
    .option('--width <n>', 'without --from: values of a layer', number)
    .addOption(dtypeOption().default('f32'))
    .addOption(stateOption().default('none'))
    .addOption(pluginOption())
    .option('--json', 'print one JSON object')
    .action(async (url: string, options: Options) => {
      const { dtype, state, json } = options
      await withProgress('making rows', options, async ({ open, signal, onProgress }) => {
        const source = options.from === undefined ? shapeOf(options) : await tablesOf(options.from, signal)
        const layout: RowLayout = { layers: source.layers, width: source.width, dtype, state }
        const driver = await open(url, { create: { rows: source.rows, rowBytes: recordBytes(layout) }, signal })
        const table = await createRowTable({
          driver,
          layout,
          rows: source.rows,
          ...(source.fill ? { fill: fillIn(layout, source.fill) } : {}),
          onProgress,
          signal,
        }).catch(async (error: unknown) => {
          await driver.dispose()
          throw error
        })
        await print(table, url, json)
      })
    })
}

function infoVerb(): Command {
  return new Command('info')
    .description('say what a table is: rows, layout, versions')
    .argument('<url>', 'the table, as in file:./rows')
    .addOption(pluginOption())
    .option('--json', 'print one JSON object')
    .action(async (url: string, options: Common) => {
      await withTable(url, options, async (table) => print(table, url, options.json))
    })
}

function copyVerb(): Command {
  interface Options extends Common {
    readonly dtype?: RowDtype
    readonly state?: RowState
    readonly verify?: boolean
  }
  return new Command('copy')
    .description('copy a table to another place, or into another dtype')
    .argument('<from>', 'the table')
    .argument('<to>', 'where the copy goes')
    .addOption(dtypeOption())
    .addOption(stateOption())
    .option('--verify', 'read the copy back and compare checksums')
    .addOption(pluginOption())
    .option('--json', 'print one JSON object')
    .action(async (from: string, to: string, options: Options) => {
      await withProgress('copying', options, async ({ open, signal, onProgress }) => {
        const source = await openRowTable({
          driver: await open(from, { readOnly: true, signal }),
          mode: 'read',
          signal,
        })
        try {
          const { dtype = source.layout.dtype, state = source.layout.state } = options
          const layout = { ...source.layout, dtype, state }
          const driver = await open(to, { create: { rows: source.rows, rowBytes: recordBytes(layout) }, signal })
          const copy = await copyTable({ from: source, to: driver, layout, onProgress, signal }).catch(
            async (error: unknown) => {
              await driver.dispose()
              throw error
            },
          )
          if (options.verify) requireWhole(await verifyTable(copy, { onProgress, signal }), to)
          await print(copy, to, options.json)
        } finally {
          await source.dispose()
        }
      })
    })
}

function verifyVerb(): Command {
  return new Command('verify')
    .description('read every row of a table and check it')
    .argument('<url>', 'the table')
    .addOption(pluginOption())
    .option('--json', 'print one JSON object: { ok, rows, damaged }')
    .action(async (url: string, options: Common) => {
      await withTable(url, options, async (table, { signal, onProgress }) => {
        const damaged = await verifyTable(table, { onProgress, signal })
        const ok = damaged.length === 0
        if (options.json) process.stdout.write(`${JSON.stringify({ ok, rows: table.rows, damaged })}\n`)
        else if (ok) process.stdout.write(`all ${table.rows} rows of version ${table.version} are whole\n`)
        else requireWhole(damaged, url)
        if (!ok) process.exitCode = EXIT.failed
      })
    })
}

function snapshotVerb(): Command {
  interface Options extends Common {
    readonly note?: string
    readonly list?: boolean
    readonly drop?: number
  }
  return new Command('snapshot')
    .description('keep the table as it is as a version, list versions, or let one go')
    .argument('<url>', 'the table')
    .option('--note <text>', 'what to write beside the version')
    .option('--list', 'list the versions and make none')
    .option('--drop <version>', 'let a kept version go and make none', number)
    .addOption(pluginOption())
    .option('--json', 'print one JSON object: { version, versions }')
    .action(async (url: string, { note, list, drop, json, ...common }: Options) => {
      await withProgress('', common, async ({ open, signal }) => {
        const reading = list === true && drop === undefined
        const driver = await open(url, { readOnly: reading, signal })
        const table = await openRowTable({ driver, mode: reading ? 'read' : 'write', signal })
        try {
          if (drop !== undefined) await table.drop(drop, { signal })
          else if (!reading) await table.snapshot({ keep: true, ...(note === undefined ? {} : { note }), signal })
          const versions = await table.versions({ signal })
          if (json) process.stdout.write(`${JSON.stringify({ version: table.version, versions })}\n`)
          else for (const each of versions) process.stdout.write(`${versionLine(each)}\n`)
        } finally {
          await table.dispose()
        }
      })
    })
}

const versionLine = ({ version, kept, note }: Awaited<ReturnType<RowTable['versions']>>[number]): string =>
  [`version ${version}`, kept ? 'kept' : '', note ?? ''].filter(Boolean).join('  ')

interface Context {
  readonly open: Awaited<ReturnType<typeof openPlugins>>['drivers']['open']
  readonly signal: AbortSignal
  readonly onProgress: Progress
}

/** Runs a verb with drivers of plugins, Ctrl-C and a line of progress. */
async function withProgress(
  what: string,
  { plugin }: Common,
  work: (context: Context) => Promise<void>,
): Promise<void> {
  const signal = signalOfProcess()
  const { drivers } = await openPlugins(plugin, { signal })
  const status = statusLine()
  const onProgress: Progress = ({ rows, totalRows }) =>
    status.show(`${what}: ${rows} of ${totalRows} (${Math.floor((100 * rows) / totalRows)}%)`)
  try {
    await work({ open: drivers.open, signal, onProgress })
  } finally {
    status.clear()
  }
}

/** The same over a table that is read. */
async function withTable(
  url: string,
  options: Common,
  work: (table: RowTable, context: Context) => Promise<void>,
): Promise<void> {
  await withProgress('reading rows', options, async (context) => {
    const driver = await context.open(url, { readOnly: true, signal: context.signal })
    const table = await openRowTable({ driver, mode: 'read', signal: context.signal }).catch(async (error: unknown) => {
      await driver.dispose()
      throw error
    })
    try {
      await work(table, context)
    } finally {
      await table.dispose()
    }
  })
}

/** Prints what a table is, and closes it if it was made here. */
async function print(table: RowTable, url: string, json: boolean | undefined): Promise<void> {
  const { id, rows, layout, version } = table
  const versions = await table.versions()
  const bytes = rows * payloadBytes(layout)
  if (table.writable) await table.dispose()
  if (json) {
    process.stdout.write(`${JSON.stringify({ url, id, rows, layout, bytes, version, versions })}\n`)
    return
  }
  const { layers, width, dtype, state } = layout
  process.stdout.write(
    [
      `rows      ${rows} of ${layers} x ${width} ${dtype}${state === 'none' ? '' : `, state ${state}`}`,
      `bytes     ${bytes}`,
      `table     ${id}`,
      ...versions.map((each) => `          ${versionLine(each)}`),
      '',
    ].join('\n'),
  )
}

function requireWhole(damaged: readonly number[], url: string): void {
  if (damaged.length === 0) return
  const some = damaged.slice(0, 5).join(', ')
  const scheme = url.split(':')[0]
  throw new StemkitError(
    'corrupt',
    `${damaged.length} rows at ${scheme}: are damaged: ${some}${damaged.length > 5 ? ', ...' : ''}; copy the table anew from its source`,
  )
}

interface Source {
  readonly rows: number
  readonly layers: number
  readonly width: number
  /** Fills `into` [L, w] with a row. Default: zeros. */
  readonly fill?: (id: number, into: Float32Array) => void
}

function shapeOf({ rows, layers, width }: { rows?: number; layers?: number; width?: number }): Source {
  if (rows !== undefined && layers !== undefined && width !== undefined) return { rows, layers, width }
  throw new StemkitError('bad-input', 'store create: give --rows, --layers and --width, or --from a model folder')
}

/** The tables among the weights of a model folder; they are in memory while a table is made of them. */
async function tablesOf(folder: string, signal: AbortSignal): Promise<Source> {
  const { config, tensors, dispose } = await readModelFolder(folder, { signal })
  try {
    const { rows, layers, width } = tableRowInitializer(config, { seed: 0 })
    const names = [...tensors.tensors.keys()].filter((name) => name.endsWith('.stem_table.weight'))
    const order = (name: string): number => Number(/layers\.(\d+)\./.exec(name)?.[1])
    const tables: Float32Array[] = []
    for (const name of names.toSorted((a, b) => order(a) - order(b)))
      tables.push(toFloat32(await tensors.read(name, { signal })))
    if (tables.length !== layers) {
      throw new StemkitError(
        'bad-input',
        `${folder}: ${tables.length} tables among its weights, its config has ${layers}`,
      )
    }
    return {
      rows,
      layers,
      width,
      fill: (id, into) =>
        tables.forEach((table, l) => into.set(table.subarray(id * width, (id + 1) * width), l * width)),
    }
  } finally {
    await dispose()
  }
}

/** Fills rows at rest from float32 values. */
function fillIn(
  layout: RowLayout,
  fill: (id: number, into: Float32Array) => void,
): (ids: Uint32Array, into: Uint8Array) => void {
  const { layers, width } = layout
  const row = new Float32Array(layers * width)
  return (ids, into) => {
    ids.forEach((id, i) => {
      fill(id, row)
      encodeRows(layout, row, { bytes: into, stride: payloadBytes(layout), slots: Uint32Array.of(i) })
    })
  }
}
