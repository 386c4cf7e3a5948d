import { FEED_FORWARDS, type FeedForwardDefinition } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { describe, expect, test } from 'vitest'
import { collectFeedForwards, definePlugin, type Plugin } from './index.ts'

const open = async () => {
  throw new Error('not opened here')
}
const feedForward: FeedForwardDefinition = { weights: () => ({}), build: () => (x) => ({ y: x }) }

test('a plugin is what was given', () => {
  const plugin: Plugin = { name: 'mine', drivers: { mine: open }, feedForwards: { my_kind: feedForward } }
  expect(definePlugin(plugin)).toBe(plugin)
  expect(definePlugin({ name: 'empty' })).toEqual({ name: 'empty' })
})

describe('refuses in one line', () => {
  test.each<[unknown, string]>([
    [undefined, 'it is no plugin; write `export default definePlugin({ name, ... })`'],
    [[], 'it is no plugin; write `export default definePlugin({ name, ... })`'],
    [{}, 'plugin: name is missing; give it one, messages about the plugin use it'],
    [{ name: ' ' }, 'plugin: name is missing; give it one, messages about the plugin use it'],
    [{ name: 'mine', driver: {} }, 'plugin mine: unknown key driver; did you mean drivers?'],
    [{ name: 'mine', colour: 1 }, 'plugin mine: unknown key colour; known are name, drivers, feedForwards'],
    [{ name: 'mine', drivers: [open] }, 'plugin mine: drivers is a list, it must be an object of names'],
    [
      { name: 'mine', drivers: { 'mine:': open } },
      "plugin mine: 'mine:' is no URL scheme; use two or more of a-z, 0-9, +, - and dots, without the colon",
    ],
    [
      { name: 'mine', drivers: { c: open } },
      "plugin mine: 'c' is no URL scheme; use two or more of a-z, 0-9, +, - and dots, without the colon",
    ],
    [
      { name: 'mine', drivers: { mine: {} } },
      'plugin mine: drivers.mine is an object, it must be a function (url, options) => Promise<RowDriver>',
    ],
    [
      { name: 'mine', feedForwards: { stem: feedForward } },
      "plugin mine: feed-forward 'stem' is built in; give yours another name",
    ],
    [
      { name: 'mine', feedForwards: { 'a b': feedForward } },
      "plugin mine: 'a b' is no name for a feed-forward; use letters, digits, - and _",
    ],
    [
      { name: 'mine', feedForwards: { mine: { weights: feedForward.weights } } },
      "plugin mine: feedForwards.mine has no function 'build'",
    ],
    [{ name: 'mine', feedForwards: { mine: null } }, "plugin mine: feedForwards.mine has no function 'weights'"],
  ])('%j', (value, message) => {
    const define = (): Plugin => definePlugin(value as Plugin)
    expect(define).toThrow(new StemkitError('bad-input', message))
  })
})

test('the kinds that a model knows are all refused, and there are no others', () => {
  expect(FEED_FORWARDS).toEqual(['dense', 'stem', 'hash_moe'])
  for (const kind of FEED_FORWARDS) {
    expect(() => definePlugin({ name: 'mine', feedForwards: { [kind]: feedForward } })).toThrow('is built in')
  }
})

test('feed-forwards of several plugins come together, unless a kind comes twice', () => {
  const one = { name: 'one', feedForwards: { a: feedForward } }
  const two = { name: 'two', feedForwards: { b: feedForward } }
  expect(collectFeedForwards([one, { name: 'none' }, two])).toEqual({ a: feedForward, b: feedForward })
  expect(() => collectFeedForwards([one, { ...one, name: 'other' }])).toThrow(
    "plugin other: feed-forward 'a' is taken by one; leave one of them out",
  )
})
