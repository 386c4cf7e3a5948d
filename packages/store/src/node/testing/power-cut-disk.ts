import { setImmediate } from 'node:timers/promises'
import type { FileSystem, OpenFile } from '../file-system.ts'

// A file system in memory that tells apart what a program sees and what a loss of power leaves. A change is certain once
// its file (for bytes and size) or its folder (for names) has been synced. Until then each sector of a write, each change
// of size and each change of a name may be there or not, whatever came before or after it.

const SECTOR = 512

type Change = { readonly at: number; readonly bytes: Uint8Array } | { readonly size: number }
interface FileNode {
  /** What a program sees. */
  bytes: Uint8Array
  synced: Uint8Array
  unsynced: Change[]
}
/** One change of names, done as a whole: `undefined` takes a name away. */
type NameChange = readonly (readonly [string, Node | undefined])[]
interface FolderNode {
  readonly names: Map<string, Node>
  synced: Map<string, Node>
  unsynced: NameChange[]
}
type Node = FileNode | FolderNode

export interface PowerCutDisk {
  readonly files: FileSystem
  /** A disk as the power may have left this one. 'none' and 'all' of the unsynced changes, in order, or any of them in any order. */
  cut(kept: 'none' | 'all' | 'some'): PowerCutDisk
}

export interface PowerCutDiskOptions {
  readonly random: () => number
  /** After every operation, before it resolves. */
  readonly onOperation?: (name: string) => void | Promise<void>
}

export function powerCutDisk(options: PowerCutDiskOptions, root: FolderNode = newFolder()): PowerCutDisk {
  const { random, onOperation } = options

  /** While watched, takes some time before and after, so that operations under way at once are done in any order. */
  const operation = async <T>(name: string, work: () => T): Promise<T> => {
    await pause()
    const result = work()
    await onOperation?.(name)
    await pause()
    return result
  }
  const pause = async (): Promise<void> => {
    if (onOperation === undefined) return
    for (let hops = Math.floor(random() * 4); hops > 0; hops--) await Promise.resolve()
    if (random() < 0.05) await setImmediate()
  }

  const folderAt = (path: string): FolderNode => {
    let node: Node = root
    for (const name of path.split('/').filter(Boolean)) {
      if (!isFolder(node)) throw errno('ENOTDIR', path)
      const next: Node | undefined = node.names.get(name)
      if (next === undefined) throw errno('ENOENT', path)
      node = next
    }
    if (!isFolder(node)) throw errno('ENOTDIR', path)
    return node
  }
  const placeOf = (path: string): { folder: FolderNode; name: string } => {
    const cut = path.lastIndexOf('/')
    return { folder: folderAt(path.slice(0, cut)), name: path.slice(cut + 1) }
  }
  const nodeAt = (path: string): Node => {
    const { folder, name } = placeOf(path)
    const node = folder.names.get(name)
    if (node === undefined) throw errno('ENOENT', path)
    return node
  }

  const openFile = (node: FileNode): OpenFile => ({
    size: () => operation('size', () => node.bytes.length),
    read: (into, at) =>
      operation('read', () => {
        const wanted = into.reduce((sum, part) => sum + part.length, 0)
        // Now and then fewer than wanted, as a real one may.
        const most = random() < 0.1 ? 1 + Math.floor(random() * wanted) : wanted
        const from = node.bytes.subarray(at, at + most)
        let done = 0
        for (const part of into) {
          part.set(from.subarray(done, done + part.length))
          done += part.length
        }
        return from.length
      }),
    write: (from, at) =>
      operation('write', () => {
        const all = Buffer.concat(from)
        const bytes = all.subarray(0, random() < 0.1 ? 1 + Math.floor(random() * all.length) : all.length)
        change(node, { at, bytes })
        return bytes.length
      }),
    truncate: (size) => operation('truncate', () => change(node, { size })),
    sync: () =>
      operation('sync', () => {
        node.synced = node.bytes
        node.unsynced = []
      }),
    close: () => operation('close', () => undefined),
  })

  const files: FileSystem = {
    open: (path, mode) =>
      operation('open', () => {
        if (mode !== 'new') {
          const node = nodeAt(path)
          if (isFolder(node)) throw errno('EISDIR', path)
          return openFile(node)
        }
        const { folder, name } = placeOf(path)
        let node = folder.names.get(name)
        if (node === undefined) {
          node = { bytes: new Uint8Array(0), synced: new Uint8Array(0), unsynced: [] }
          rename(folder, [[name, node]])
        }
        if (isFolder(node)) throw errno('EISDIR', path)
        if (node.bytes.length > 0) change(node, { size: 0 })
        return openFile(node)
      }),
    rename: (from, to) =>
      operation('rename', () => {
        const [source, target] = [placeOf(from), placeOf(to)]
        if (source.folder !== target.folder) throw errno('EXDEV', from)
        rename(source.folder, [
          [target.name, nodeAt(from)],
          [source.name, undefined],
        ])
      }),
    link: (from, to) =>
      operation('link', () => {
        const [node, { folder, name }] = [nodeAt(from), placeOf(to)]
        if (folder.names.has(name)) throw errno('EEXIST', to)
        rename(folder, [[name, node]])
      }),
    remove: (path) =>
      operation('remove', () => {
        nodeAt(path)
        const { folder, name } = placeOf(path)
        rename(folder, [[name, undefined]])
      }),
    makeFolder: (path) =>
      operation('makeFolder', () => {
        const { folder, name } = placeOf(path)
        if (folder.names.has(name)) throw errno('EEXIST', path)
        rename(folder, [[name, newFolder()]])
      }),
    list: (path) => operation('list', () => [...folderAt(path).names.keys()]),
    syncFolder: (path) =>
      operation('syncFolder', () => {
        const folder = folderAt(path)
        folder.synced = new Map(folder.names)
        folder.unsynced = []
      }),
  }

  return {
    files,
    cut(kept) {
      const chance = { none: 0, all: 1, some: random() }[kept]
      const keep = <T>(changes: readonly T[]): T[] => changes.filter(() => random() < chance)
      const shuffle = <T>(changes: T[]): T[] =>
        kept === 'some' && random() < 0.5 ? changes.toSorted(() => random() - 0.5) : changes

      const copies = new Map<Node, Node>()
      const copy = (node: Node): Node => {
        const known = copies.get(node)
        if (known !== undefined) return known
        const made = isFolder(node) ? copyFolder(node) : copyFile(node)
        copies.set(node, made)
        return made
      }
      const copyFile = ({ synced, unsynced }: FileNode): FileNode => {
        const file: FileNode = { bytes: synced, synced, unsynced: [] }
        for (const one of shuffle(keep(unsynced.flatMap(sectorsOf)))) change(file, one)
        return { bytes: file.bytes, synced: file.bytes, unsynced: [] }
      }
      const copyFolder = ({ synced, unsynced }: FolderNode): FolderNode => {
        const folder: FolderNode = { names: new Map(synced), synced, unsynced: [] }
        for (const one of keep(unsynced)) rename(folder, one)
        const names = new Map([...folder.names].map(([name, node]) => [name, copy(node)]))
        return { names, synced: new Map(names), unsynced: [] }
      }
      return powerCutDisk({ random }, copyFolder(root))
    },
  }
}

const newFolder = (): FolderNode => ({ names: new Map(), synced: new Map(), unsynced: [] })
const isFolder = (node: Node): node is FolderNode => 'names' in node

function change(node: FileNode, one: Change): void {
  const size = 'size' in one ? one.size : Math.max(node.bytes.length, one.at + one.bytes.length)
  const bytes = new Uint8Array(size)
  bytes.set(node.bytes.subarray(0, size))
  if (!('size' in one)) bytes.set(one.bytes, one.at)
  node.bytes = bytes
  node.unsynced.push(one)
}

function rename(folder: FolderNode, one: NameChange): void {
  for (const [name, node] of one) {
    if (node === undefined) folder.names.delete(name)
    else folder.names.set(name, node)
  }
  folder.unsynced.push(one)
}

function sectorsOf(one: Change): Change[] {
  if ('size' in one) return [one]
  const sectors: Change[] = []
  for (let from = 0; from < one.bytes.length;) {
    const to = Math.min(one.bytes.length, from + SECTOR - ((one.at + from) % SECTOR))
    sectors.push({ at: one.at + from, bytes: one.bytes.subarray(from, to) })
    from = to
  }
  return sectors
}

const errno = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code })
