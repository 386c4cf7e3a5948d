import { expect, it } from 'vitest'
import recorded from '../../fixtures/libraries/tables.json' with { type: 'json' }
import { markdownTable, type Cell } from './markdown-table.ts'

it('prints tables as pytablewriter does', () => {
  for (const { rows, table } of recorded.cases) {
    expect(markdownTable(recorded.headers, rows as Cell[][])).toBe(table)
  }
})
