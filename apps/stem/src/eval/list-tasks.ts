import { StemkitError } from '@stemkit/spec/errors'
import { coloursFor } from '../terminal/colours.ts'
import { openTasks } from './open-tasks.ts'
import type { TasksFlags } from './verbs.ts'

/** Lists tasks whose names contain a text. @throws not-found where there are none */
export async function listTasks(text: string | undefined, { json, includePath }: TasksFlags): Promise<void> {
  const registry = await openTasks({ includePath })
  const tasks = registry.names
    .filter((name) => name.includes(text ?? ''))
    .map((name) => {
      const { tasks: leaves, groups } = registry.load([name])
      const definition = leaves.size === 1 ? leaves.get(name) : undefined
      return {
        name,
        kind: definition ? ('task' as const) : groups.length > 0 ? ('group' as const) : ('tag' as const),
        tasks: leaves.size,
        output: definition?.output_type ?? (definition ? 'generate_until' : null),
        shots: definition?.num_fewshot ?? null,
        data: [definition?.dataset_path, definition?.dataset_name].filter(Boolean).join(' ') || null,
      }
    })
  if (tasks.length === 0) throw new StemkitError('not-found', `eval tasks: no name contains ${text}`)
  if (json) return void process.stdout.write(`${JSON.stringify({ tasks })}\n`)
  const [head, ...rows] = toTheLeft([
    ['name', 'kind', 'asks for', 'shots', 'data'],
    ...tasks.map(({ name, kind, tasks: count, output, shots, data }) => [
      name,
      kind,
      output ?? `${count} tasks`,
      String(shots ?? ''),
      data ?? '',
    ]),
  ])
  const lines = [coloursFor(process.stdout).bold(head ?? ''), ...rows]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** Lines of cells that are all words. */
function toTheLeft(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
