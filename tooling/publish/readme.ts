import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What a README tells its reader to do. */
export interface Readme {
  /** The packages named in its `npm install` lines. */
  install: string[]
  /** Its first ```ts block. */
  example: string | undefined
}

/** Reads the README.md of a package; a package without one has nothing to say. */
export function readReadme(folder: string): Readme {
  const path = join(folder, 'README.md')
  return parseReadme(statSync(path, { throwIfNoEntry: false }) ? readFileSync(path, 'utf8') : '')
}

export function parseReadme(text: string): Readme {
  const install = [...text.matchAll(/^\s*npm (?:install|i) ([^#\n]+)/gm)]
    .flatMap(([, names]) => names!.trim().split(/\s+/))
    .filter((name) => !name.startsWith('-'))
  const example = /^```ts\n(.*?)^```/ms.exec(text)?.[1]
  return { install: [...new Set(install)], example }
}
