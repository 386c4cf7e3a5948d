import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createBoard, takeChunks, type Board } from './board.ts'

interface Span {
  readonly items: number
  readonly chunk: number
}

/** Puts spans on the board as its job, the chunks numbered from `first`. */
function publish(board: Board, spans: readonly Span[], first: number): void {
  spans.forEach(({ items, chunk }, task) => {
    board.kernel[task] = 0
    board.items[task] = items
    board.chunk[task] = chunk
    board.args[task * (board.args.length / board.kernel.length)] = task
  })
  const total = spans.reduce((sum, { items, chunk }) => sum + Math.ceil(items / chunk), 0)
  board.first[0] = board.next[0] = board.done[0] = first
  board.end[0] = (first + total) | 0
}

describe('takeChunks', () => {
  const spans = fc.array(fc.record({ items: fc.integer({ min: 0, max: 40 }), chunk: fc.integer({ min: 1, max: 9 }) }), {
    minLength: 1,
    maxLength: 12,
  })
  // Near the largest 32-bit number too, where counting wraps.
  const firsts = fc.oneof(fc.constant(0), fc.integer({ min: 2 ** 31 - 50, max: 2 ** 31 - 1 }))

  test('does every item of every task once, in order, and says when the last is done', () => {
    fc.assert(
      fc.property(spans, firsts, (job, first) => {
        const board = createBoard(false)
        publish(board, job, first)
        const seen = job.map((): number[] => [])
        const finished = takeChunks(board, [
          (begin, end, task) => {
            for (let i = begin; i < end; i++) seen[task!]!.push(i)
            return undefined
          },
        ])
        expect(seen).toEqual(job.map(({ items }) => Array.from({ length: items }, (_, i) => i)))
        expect(finished).toBe(job.some(({ items }) => items > 0))
        expect(takeChunks(board, [])).toBe(false)
      }),
      { numRuns: 50 },
    )
  })

  test('keeps what the kernel returned by chunk', () => {
    const board = createBoard(false)
    publish(
      board,
      [
        { items: 5, chunk: 2 },
        { items: 3, chunk: 3 },
      ],
      7,
    )
    takeChunks(board, [(begin, end, task) => 100 * task! + 10 * begin + end])
    expect([...board.sums.subarray(0, 4)]).toEqual([2, 24, 45, 103])
  })
})
