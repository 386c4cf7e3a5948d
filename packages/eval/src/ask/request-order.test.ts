import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { requestOrder } from './request-order.ts'
import type { EvalRequest } from './requests.ts'

const ask = (context: string, continuation = ' a'): EvalRequest => ({ kind: 'loglikelihood', context, continuation })
const inOrder = (requests: readonly EvalRequest[]): EvalRequest[] => requestOrder(requests).map((i) => requests[i]!)

describe('the order of requests', () => {
  test('puts the choices of a question next to each other, and questions that begin alike', () => {
    const shots = 'Question: one\nAnswer: two\n\n'
    const requests = [
      ask(`${shots}A?`, ' x'),
      ask('Something else, and much longer than all the other contexts here'),
      ask(`${shots}B?`, ' y'),
      ask(`${shots}A?`, ' y'),
      ask(`${shots}B?`, ' x'),
    ]
    expect(inOrder(requests)).toEqual([requests[1], requests[0], requests[3], requests[4], requests[2]])
  })

  test('has every request once, and does not depend on how they come', () => {
    const words = fc.array(fc.constantFrom('a', 'b', 'ab ', 'long word '), { maxLength: 6 }).map((all) => all.join(''))
    const request = fc.oneof(
      fc.tuple(words, words).map(([context, continuation]) => ask(context, continuation)),
      words.map((text): EvalRequest => ({ kind: 'loglikelihood_rolling', text })),
    )
    fc.assert(
      fc.property(fc.array(request, { maxLength: 12 }), fc.integer(), (requests, seed) => {
        const order = requestOrder(requests)
        expect(order.toSorted((a, b) => a - b)).toEqual([...requests.keys()])
        const others = requests.toSorted(
          (a, b) => ((JSON.stringify(a).length * seed) % 7) - ((JSON.stringify(b).length * seed) % 7),
        )
        const texts = (list: readonly EvalRequest[]) =>
          inOrder(list).map((each) => (each.kind === 'loglikelihood_rolling' ? each.text : each.context))
        expect(texts(others)).toEqual(texts(requests))
      }),
    )
  })
})
