import { StemkitError } from '@stemkit/spec/errors'
import type { RowLock } from '@stemkit/spec/row-driver'
import { randomUUID } from 'node:crypto'
import type { Held } from './generations.ts'
import { describeHolder, parseHolder, thisHolder } from './holder.ts'
import { RELEASE, RENEW } from './scripts.ts'
import type { RowsParts } from './rows-parts.ts'

export interface LockOptions extends RowsParts {
  /** Milliseconds that the lock lives on without word from its holder. */
  readonly lease: number
  /** Milliseconds more until its holder gives it up for lost, if it cannot reach the server. */
  readonly timeout: number
}

/**
 * Takes the lock: a key that runs out unless it is renewed. Before this resolves, every shard has heard of the new
 * generation, so nothing that an earlier holder sent arrives after it.
 */
export async function takeLock(options: LockOptions, signal?: AbortSignal): Promise<RowLock> {
  const { where, router, home, shards, ledger, generations, rows, lease, timeout } = options
  const token = randomUUID()
  const holder = thisHolder()
  await rows.survey(signal)
  const least = Math.max(...shards.map((_, shard) => ledger.mark(shard).generation))
  const generation = await generations.takeWithLock(token, holder, least, signal)

  const losing = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let renewing: Promise<void> | undefined
  let renewed = performance.now()
  const end = (): void => {
    clearTimeout(timer)
    if (generations.held === held) generations.held = undefined
  }
  const held: Held = {
    token,
    generation,
    lost: losing.signal,
    lose(error) {
      clearTimeout(timer)
      losing.abort(error)
    },
  }

  const renew = async (): Promise<void> => {
    const began = performance.now()
    const keys = ['2', `${home.keys}lock`, `${home.keys}generation`]
    const args = [token, String(generation), String(lease), JSON.stringify(holder)]
    try {
      const [reply] = await router.send(home.slot, [['EVAL', RENEW, ...keys, ...args]], AbortSignal.timeout(lease))
      if (String(reply) === 'ok') renewed = began
      else {
        const other = describeHolder(parseHolder(String(reply)))
        held.lose(new StemkitError('conflict', `${where}: the lock was lost, ${other} has taken it since`))
      }
    } catch (error) {
      // The lock stays ours as long as nobody takes it; whoever does is heard of with the next write, or here.
      if (performance.now() - renewed < lease + timeout) return
      const reason = `${where}: the lock was lost, no server to renew it at for ${Math.round(performance.now() - renewed)} ms`
      held.lose(new StemkitError('io', reason, { cause: error }))
    }
  }
  const renewInTime = (): void => {
    if (generations.held !== held || losing.signal.aborted) return
    timer = setTimeout(() => (renewing = renew().then(renewInTime)), lease / 3)
    timer.unref()
  }

  const release = async (): Promise<void> => {
    end()
    await renewing
    const command = ['EVAL', RELEASE, '1', `${home.keys}lock`, token]
    // Out of reach it runs out by itself.
    await router.send(home.slot, [command], AbortSignal.timeout(Math.min(lease, 2000))).catch(() => undefined)
  }

  generations.held = held
  renewInTime()
  try {
    await rows.claim(signal)
  } catch (error) {
    await release()
    throw error
  }
  return { lost: losing.signal, release }
}
