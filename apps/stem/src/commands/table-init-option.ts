import type { TableInit } from '@stemkit/model'
import { Option } from 'commander'

/** All that there are; not from the package, which would have to be loaded for it. */
const NAMES: Readonly<Record<TableInit, true>> = { 'xavier-normal': true, embedding: true, unit: true }

/** How the rows of tables begin. */
export const tableInitOption = (description: string): Option =>
  new Option('--table-init <name>', description).choices(Object.keys(NAMES))
