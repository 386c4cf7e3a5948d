import { join } from 'node:path'
import { missing, program, startServer } from '../../../packages/store-redis/src/testing/servers.ts'

/** Where tables are made to be killed at. */
export interface Medium {
  /** A place of its own for each name. */
  url(name: string): string
  close(): Promise<void>
}

export const MEDIA = ['file', 'sqlite', 'lmdb', 'redis'] as const
/** The last one is broken on purpose. */
export type MediumName = (typeof MEDIA)[number] | 'late'

/** Why a medium cannot be tested on this machine; undefined if it can. */
export const lacking = (name: MediumName): string | undefined =>
  name === 'redis' && program === undefined ? missing : undefined

/** Opens a medium, in a folder. */
export async function openMedium(name: MediumName, folder: string): Promise<Medium> {
  if (name !== 'redis') {
    return { url: (table) => `${name}:${encodeURI(join(folder, table))}`, close: async () => undefined }
  }
  // Clients are killed here, not the server: nothing needs to be on its disk.
  const server = await startServer([])
  return { url: (table) => `${server.url}?prefix=${table}`, close: () => server.remove() }
}
