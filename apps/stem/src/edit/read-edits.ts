import { parseEdit, type Edit } from '@stemkit/edit'
import { readEditFile } from '@stemkit/edit/node'
import { StemkitError } from '@stemkit/spec/errors'
import type { EditFlags } from './edit-options.ts'

/** The edits that a command line asks for. @throws bad-input, not-found */
export async function readEdits(path: string | undefined, flags: EditFlags): Promise<Edit[]> {
  const { name, operation, source, target, strategy, padId, layers, spaces, amount } = flags
  const given = {
    ...(name !== undefined && { name }),
    ...(operation !== undefined && { operation }),
    ...(source !== undefined && { source: tokensOption(source) }),
    ...(target !== undefined && { target: tokensOption(target) }),
    ...(strategy !== undefined && { strategy }),
    ...(padId !== undefined && { padId }),
    ...(layers !== undefined && { layers }),
    ...(spaces !== undefined && { spaces }),
    ...(amount !== undefined && { amount }),
  }
  if (path === undefined) {
    if (source === undefined)
      throw new StemkitError('bad-input', 'edit: give a file with an edit, or --source and --target')
    return [parseEdit({ name: 'edit', ...given })]
  }
  const edits = await readEditFile(path)
  return edits.map((edit) => parseEdit({ ...edit, ...given }))
}

/** `[12,7]` are ids, anything else is a text. */
export function tokensOption(text: string): string | number[] {
  if (!/^\[[\d,\s]+\]$/.test(text)) return text
  return text.slice(1, -1).split(',').map(Number)
}
