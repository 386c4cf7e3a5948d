import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { STRUCTS, type StructName } from './structs.ts'

const source = readFileSync(new URL('../../../assembly/structs.ts', import.meta.url), 'utf8')

test.each(Object.keys(STRUCTS) as StructName[])('%s has the fields that the threads read, in their order', (name) => {
  const [, body] = new RegExp(`export class ${name} \\{\\n([^}]*)\\}`).exec(source)!
  const fields = [...body!.matchAll(/^ {2}(\w+): (\w+)/gm)].map(([, field, type]) => ({ field, type }))
  expect(fields.map(({ field }) => field)).toEqual(STRUCTS[name])
  expect(fields.filter(({ type }) => type === 'f32').map(({ field }) => field)).toEqual(
    name === 'Program' ? ['epsilon'] : [],
  )
})
