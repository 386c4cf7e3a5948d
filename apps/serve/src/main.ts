// `stem serve` as a process that is told what to do by its environment, as containers are.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { argumentsOf } from './arguments.ts'

const require = createRequire(import.meta.url)
const manifest = require.resolve('stemkit/package.json')
const { bin } = require(manifest) as { bin: { stem: string } }
const stem = join(dirname(manifest), bin.stem)

process.argv = [process.execPath, stem, ...argumentsOf(process.env), ...process.argv.slice(2)]
await import(pathToFileURL(stem).href)
