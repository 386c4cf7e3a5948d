import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { decodeText, encodeText, metasOf } from './root.ts'

/**
 * Versions that readers are using, in the meta `pins`: `stemkit-pins 1 CRC32`, then JSON.
 *
 * No reader ever loses the places of its version:
 * - a reader puts its pin, then reads the root again, and goes on only if its version is not retired there;
 * - a writer retires a version by putting a root, then reads the pins, and only then uses the version's places again.
 * Whichever of pin and root was put first, one of the two sees the other: either the reader finds its version retired and
 * lets go of it, or the writer finds the pin and leaves the places alone. A version once retired stays so, hence no later
 * pin on it comes to hold.
 *
 * A pin is a lease, so that a reader that died is not waited for. Its reader renews it, and refuses to return rows once
 * it ran out; the writer gives it twice the time, so that clocks may differ by as much as the lease lasts.
 */
interface Pins {
  readonly pins: Readonly<Record<string, Pin>>
  /** Nothing may be used again until then: the pins were unreadable, and their owners have to come back first. */
  readonly holdUntil?: number
}

interface Pin {
  readonly version: number
  /** By the reader's clock, ms. */
  readonly renewed: number
  readonly leaseMs: number
}

const HEAD = 'stemkit-pins 1'

/** Which versions readers hold, as a function of the version. */
export async function readPins(
  driver: RowDriver,
  leaseMs: number,
  options: RowOptions,
): Promise<(version: number) => boolean> {
  const pins = await updatePins(driver, leaseMs, (now) => now, options)
  if ((pins.holdUntil ?? 0) > Date.now()) return () => true
  const versions = new Set(Object.values(pins.pins).flatMap((pin) => (isDead(pin) ? [] : pin.version)))
  return (version) => versions.has(version)
}

/** A reader's hold on a version, renewed in the background until it is released. */
export interface Lease {
  /** @throws conflict if it ran out */
  check(): void
  release(): Promise<void>
}

export async function takeLease(
  driver: RowDriver,
  version: number,
  leaseMs: number,
  options: RowOptions,
): Promise<Lease> {
  const id = crypto.randomUUID()
  let until = Infinity
  let lost = false

  const check = (): void => {
    if (Date.now() >= until) lost = true
    if (lost) throw new StemkitError('conflict', `row table: the hold on version ${version} ran out; refresh()`)
  }

  const put = async (isFirst: boolean, how: RowOptions): Promise<void> => {
    let renewed = 0
    const change = ({ pins, holdUntil }: Pins): Pins => {
      renewed = Date.now()
      // What a writer may have taken for dead is not brought back to life.
      if (!isFirst && pins[id] === undefined && holdUntil === undefined) lost = true
      check()
      const alive = Object.entries(pins).filter(([, pin]) => !isDead(pin))
      return {
        pins: { ...Object.fromEntries(alive), [id]: { version, renewed, leaseMs } },
        ...(holdUntil !== undefined && holdUntil > renewed && { holdUntil }),
      }
    }
    await updatePins(driver, leaseMs, change, how)
    until = renewed + leaseMs
  }

  await put(true, options)
  let renewal = Promise.resolve()
  const timer: { unref?: () => void } | number = setInterval(() => {
    // A failure may pass; if it does not, the lease runs out, and reads say so.
    if (!lost) renewal = renewal.then(() => put(false, {})).catch(() => undefined)
  }, leaseMs / 3)
  if (typeof timer === 'object') timer.unref?.()

  return {
    check,
    async release() {
      clearInterval(timer as unknown as number)
      await renewal
      const without = ({ pins, ...rest }: Pins): Pins => {
        const { [id]: _, ...others } = pins
        return { ...rest, pins: others }
      }
      await updatePins(driver, leaseMs, without, {})
    },
  }
}

const isDead = ({ renewed, leaseMs }: Pin): boolean => Date.now() >= renewed + 2 * leaseMs

/** Replaces the pins by `change(pins)`, again until nobody came in between. Puts nothing if it returns what it was given. */
async function updatePins(
  driver: RowDriver,
  leaseMs: number,
  change: (pins: Pins) => Pins,
  options: RowOptions,
): Promise<Pins> {
  const metas = metasOf(driver)
  for (;;) {
    const meta = await metas.get('pins', options)
    const decoded = meta === undefined ? { head: HEAD, value: { pins: {} } } : decodeText(meta.bytes)
    const readable = decoded?.head === HEAD
    const before: Pins = readable ? (decoded.value as Pins) : { pins: {}, holdUntil: Date.now() + 2 * leaseMs }
    const after = change(before)
    if (after === before && readable) return after
    try {
      await metas.put!('pins', encodeText(HEAD, after), { ...options, ifVersion: meta?.version ?? null })
      return after
    } catch (error) {
      if (!StemkitError.isInstance(error) || error.code !== 'conflict') throw error
      await new Promise((resolve) => setTimeout(resolve, 1 + 9 * Math.random()))
      options.signal?.throwIfAborted()
    }
  }
}
