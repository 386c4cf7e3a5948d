import fs from 'node:fs'
import { dirname } from 'node:path'
import { EndOfFile } from './file-error.ts'

/**
 * What rows in files need of a file system, and no more, so that tests can put one between that loses power.
 * Everything rejects as `node:fs` does, with a `code` such as 'ENOENT'.
 */
export interface FileSystem {
  /** 'new' makes an empty file, also where there is one. */
  open(path: string, mode: 'read' | 'write' | 'new'): Promise<OpenFile>
  /** Replaces what is at `to`, in one go. */
  rename(from: string, to: string): Promise<void>
  /** A second name; 'EEXIST' where `to` is taken. */
  link(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** 'EEXIST' where there is something, 'ENOENT' where the folder above is missing. */
  makeFolder(path: string): Promise<void>
  list(path: string): Promise<string[]>
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>
}

export interface OpenFile {
  size(): Promise<number>
  /** Reads up to all bytes of `into`, one after the other. Resolves to how many; 0 at the end of the file. */
  read(into: readonly Uint8Array[], at: number): Promise<number>
  /** Writes the bytes of `from`, one after the other. Resolves to how many it has written. */
  write(from: readonly Uint8Array[], at: number): Promise<number>
  /** Bytes added are zero. */
  truncate(size: number): Promise<void>
  /** Makes bytes and size durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

type Done = (error: NodeJS.ErrnoException | null) => void
type DoneWith<T> = (error: NodeJS.ErrnoException | null, value: T) => void

const done = (work: (callback: Done) => void): Promise<void> =>
  new Promise((resolve, reject) => work((error) => (error ? reject(error) : resolve())))

const doneWith = <T>(work: (callback: DoneWith<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => work((error, value) => (error ? reject(error) : resolve(value))))

const FLAGS = { read: 'r', write: 'r+', new: 'w+' } as const

/** Files of this machine. Callbacks of `node:fs`, not its promises: half the cost of a small read. */
export const nodeFileSystem: FileSystem = {
  async open(path, mode) {
    return openFile(await doneWith<number>((callback) => fs.open(path, FLAGS[mode], callback)))
  },
  rename: (from, to) => done((callback) => fs.rename(from, to, callback)),
  link: (from, to) => done((callback) => fs.link(from, to, callback)),
  remove: (path) => done((callback) => fs.unlink(path, callback)),
  makeFolder: (path) => done((callback) => fs.mkdir(path, callback)),
  list: (path) => doneWith<string[]>((callback) => fs.readdir(path, callback)),
  async syncFolder(path) {
    // Windows neither offers nor needs this.
    if (process.platform === 'win32') return
    const fd = await doneWith<number>((callback) => fs.open(path, 'r', callback))
    try {
      await done((callback) => fs.fsync(fd, callback))
    } finally {
      await done((callback) => fs.close(fd, callback))
    }
  },
}

function openFile(fd: number): OpenFile {
  return {
    size: async () => (await doneWith<fs.Stats>((callback) => fs.fstat(fd, callback))).size,
    read: (into, at) =>
      doneWith<number>((callback) =>
        into.length === 1 ? fs.read(fd, into[0]!, 0, into[0]!.length, at, callback) : fs.readv(fd, into, at, callback),
      ),
    write: (from, at) =>
      doneWith<number>((callback) =>
        from.length === 1
          ? fs.write(fd, from[0]!, 0, from[0]!.length, at, callback)
          : fs.writev(fd, from, at, callback),
      ),
    truncate: (size) => done((callback) => fs.ftruncate(fd, size, callback)),
    sync: () => done((callback) => fs.fdatasync(fd, callback)),
    close: () => done((callback) => fs.close(fd, callback)),
  }
}

/** Makes a folder durably, and those above it that are missing. One that is there stays as it is. */
export async function makeFolders(files: FileSystem, path: string): Promise<void> {
  const parent = dirname(path)
  const missing = await tryMakeFolder(files, path)
  if (missing !== undefined) {
    if (parent === path) throw missing
    await makeFolders(files, parent)
    const still = await tryMakeFolder(files, path)
    if (still !== undefined) throw still
  }
  await files.syncFolder(parent)
}

/** Resolves to the error if the folder above is missing. */
async function tryMakeFolder(files: FileSystem, path: string): Promise<Error | undefined> {
  try {
    await files.makeFolder(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return error as Error
    if (code !== 'EEXIST') throw error
  }
  return undefined
}

/** Undefined if there is no such file. */
export async function readWhole(files: FileSystem, path: string): Promise<Uint8Array | undefined> {
  let file: OpenFile
  try {
    file = await files.open(path, 'read')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const bytes = new Uint8Array(await file.size())
    await readFully(file, [bytes], 0)
    return bytes
  } finally {
    await file.close()
  }
}

export async function removeIfThere(files: FileSystem, path: string): Promise<void> {
  try {
    await files.remove(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Reads until all is full. @throws EndOfFile where the file ends before */
export async function readFully(file: OpenFile, into: readonly Uint8Array[], at: number): Promise<void> {
  let wanted = bytesIn(into)
  for (let parts = into; wanted > 0;) {
    const read = await file.read(parts, at)
    if (read === 0) throw new EndOfFile()
    wanted -= read
    at += read
    if (wanted > 0) parts = after(parts, read)
  }
}

export async function writeFully(file: OpenFile, from: readonly Uint8Array[], at: number): Promise<void> {
  let left = bytesIn(from)
  for (let parts = from; left > 0;) {
    const written = await file.write(parts, at)
    if (written === 0) throw new Error('the file system takes no more bytes')
    left -= written
    at += written
    if (left > 0) parts = after(parts, written)
  }
}

const bytesIn = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0)

/** What is left of `parts` once their first `bytes` are done. */
function after(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let first = 0
  while (bytes >= parts[first]!.length) bytes -= parts[first++]!.length
  return [parts[first]!.subarray(bytes), ...parts.slice(first + 1)]
}
