import type { FileSystem, OpenFile } from '../file-system.ts'

/** Stands around each operation of a file system; may do it, leave it, do something else, or never come back. */
export type Around = <T>(
  operation: { readonly name: string; readonly file?: OpenFile; readonly args: readonly unknown[] },
  work: () => Promise<T>,
) => Promise<T>

export function intercept(files: FileSystem, around: Around): FileSystem {
  const openFile = (file: OpenFile): OpenFile => ({
    size: () => around({ name: 'size', file, args: [] }, file.size),
    read: (into, at) => around({ name: 'read', file, args: [into, at] }, () => file.read(into, at)),
    write: (from, at) => around({ name: 'write', file, args: [from, at] }, () => file.write(from, at)),
    truncate: (size) => around({ name: 'truncate', file, args: [size] }, () => file.truncate(size)),
    sync: () => around({ name: 'sync', file, args: [] }, file.sync),
    close: () => around({ name: 'close', file, args: [] }, file.close),
  })
  return {
    open: async (path, mode) =>
      openFile(await around({ name: 'open', args: [path, mode] }, () => files.open(path, mode))),
    rename: (from, to) => around({ name: 'rename', args: [from, to] }, () => files.rename(from, to)),
    link: (from, to) => around({ name: 'link', args: [from, to] }, () => files.link(from, to)),
    remove: (path) => around({ name: 'remove', args: [path] }, () => files.remove(path)),
    makeFolder: (path) => around({ name: 'makeFolder', args: [path] }, () => files.makeFolder(path)),
    list: (path) => around({ name: 'list', args: [path] }, () => files.list(path)),
    syncFolder: (path) => around({ name: 'syncFolder', args: [path] }, () => files.syncFolder(path)),
  }
}
