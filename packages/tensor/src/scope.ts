import { StemkitError } from '@stemkit/spec/errors'

const path: string[] = []

/**
 * Names what runs inside `run` (synchronously), for error messages: `withScope('layers.3.mlp', () => ...)`.
 * Scopes nest; the path is joined with dots.
 */
export function withScope<T>(name: string, run: () => T): T {
  path.push(name)
  try {
    return run()
  } finally {
    path.pop()
  }
}

/** The current scope path, or an empty string outside any scope. */
export function currentScope(): string {
  return path.join('.')
}

/** A 'bad-input' error that names the op and, inside `withScope`, the layer. */
export function opError(op: string, problem: string): StemkitError {
  return new StemkitError('bad-input', `${op}${path.length > 0 ? ` in ${currentScope()}` : ''}: ${problem}`)
}
