import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of the records that the package carries. */
export const recordsFolder = fileURLToPath(new URL('../../fixtures/records/', import.meta.url))

/** Names of the records in it, without their endings. */
export const recordNames = (): string[] =>
  readdirSync(recordsFolder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json.gz'))
    .map((file) => file.replace(/\.json\.gz$/, ''))
    .toSorted()
