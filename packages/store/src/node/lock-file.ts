import { basename, dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { StemkitError } from '@stemkit/spec/errors'
import { readWhole, removeIfThere, writeFully, type FileSystem } from './file-system.ts'
import type { ProcessIdentity, Processes } from '@stemkit/spec/processes'

export interface LockFile {
  /** Removes the file, if it is still this lock's. */
  release(): Promise<void>
}

export interface LockOptions {
  /** How long to wait for a holder that is alive, in ms. Default: 0. */
  readonly patience?: number
  readonly signal?: AbortSignal | undefined
}

interface Holder extends ProcessIdentity {
  /** Of one taking of a lock, never used again. */
  readonly token: string
}

/** Content that makes no sense. It was complete when the file got its name, so the power has been off since. */
const LOST = 'lost'

/**
 * Takes the lock that the file `path` is.
 *
 * A lock is a file with its holder inside. It gets its name by `link`, so it is never there by half, and only one does.
 * If its holder is dead it has to be replaced, and by one alone: whoever wants to links itself as `path.after-TOKEN`,
 * TOKEN being the dead holder's, which only one can; looks whether the lock is still the dead one's; and renames itself
 * over it. If that one dies on the way, the next links itself after it, and so on.
 * @throws conflict, saying who holds it
 */
export async function takeLock(
  files: FileSystem,
  processes: Processes,
  path: string,
  { patience = 0, signal }: LockOptions = {},
): Promise<LockFile> {
  const self: Holder = { ...processes.self(), token: crypto.randomUUID() }
  const own = `${path}.${self.token}`
  const until = performance.now() + patience
  await writeHolder(files, own, self)
  try {
    while (!(await tryLink(files, own, path))) {
      const outcome = await replaceDead(files, processes, path, own)
      if (outcome === 'ours') break
      if (outcome === 'again') continue
      if (performance.now() >= until) throw heldBy(outcome, self, path)
      await setTimeout(2, undefined, signal && { signal }).catch(() => signal?.throwIfAborted())
    }
  } finally {
    await removeIfThere(files, own)
  }
  return {
    async release() {
      if ((await readHolder(files, path))?.token === self.token) await removeIfThere(files, path)
    },
  }
}

/** Replaces the lock if its holder is dead. Resolves to its holder, or whoever is replacing it, where that one is alive. */
async function replaceDead(
  files: FileSystem,
  processes: Processes,
  path: string,
  own: string,
): Promise<'ours' | 'again' | Holder> {
  const held = await readHolder(files, path)
  for (let last = held, depth = 0; last !== undefined; depth++) {
    if (isAlive(processes, last, path)) return last
    const claim = `${path}.after-${last.token === LOST ? `${LOST}-${depth}` : last.token}`
    if (!(await tryLink(files, own, claim))) {
      last = await readHolder(files, claim)
      continue
    }
    // Whoever had this claim before, and gave it up, has replaced the lock first.
    if ((await readHolder(files, path))?.token !== held?.token) {
      await removeIfThere(files, claim)
      break
    }
    await files.rename(claim, path)
    // Tidiness alone: the lock is ours either way.
    await sweep(files, processes, path).catch(() => undefined)
    return 'ours'
  }
  return 'again'
}

function isAlive(processes: Processes, holder: Holder, path: string): boolean {
  if (holder.token === LOST) return false
  const state = processes.stateOf(holder)
  if (state !== 'elsewhere') return state === 'alive'
  throw new StemkitError(
    'conflict',
    `${path}: held by process ${holder.pid} of ${holder.host}, which cannot be seen from here; if it is dead, remove this file`,
  )
}

function heldBy({ pid }: Holder, self: Holder, path: string): StemkitError {
  const who = pid === self.pid ? 'this process; release it first' : `process ${pid}; wait for it or end it`
  return new StemkitError('conflict', `${path}: held by ${who}`)
}

/** Removes what others left behind when they died on their way to the lock. */
async function sweep(files: FileSystem, processes: Processes, path: string): Promise<void> {
  for (const name of await files.list(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`)) continue
    const left = join(dirname(path), name)
    const holder = await readHolder(files, left)
    // One that makes no sense is perhaps still being written.
    if (holder && holder.token !== LOST && processes.stateOf(holder) === 'dead') await removeIfThere(files, left)
  }
}

async function writeHolder(files: FileSystem, path: string, holder: Holder): Promise<void> {
  const file = await files.open(path, 'new')
  try {
    await writeFully(file, [new TextEncoder().encode(`${JSON.stringify(holder)}\n`)], 0)
  } finally {
    await file.close()
  }
}

/** Undefined if there is none. */
async function readHolder(files: FileSystem, path: string): Promise<Holder | undefined> {
  const bytes = await readWhole(files, path)
  if (bytes === undefined) return undefined
  try {
    const holder = JSON.parse(new TextDecoder().decode(bytes)) as Holder
    const { pid, host, boot, space, start, token } = holder
    if (Number.isInteger(pid) && [host, boot, space, start, token].every((field) => typeof field === 'string')) {
      return holder
    }
  } catch {
    // Not JSON.
  }
  return { pid: 0, host: '', boot: '', space: '', start: '', token: LOST }
}

async function tryLink(files: FileSystem, from: string, to: string): Promise<boolean> {
  try {
    await files.link(from, to)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error
    throw new StemkitError('unsupported', `${to}: this file system has no hard links, which locks are made of`, {
      cause: error,
    })
  }
}
